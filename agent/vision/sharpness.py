"""Which of a few frames of one moment is the sharpest: a camera that moves or focuses blurs some of them."""

from collections.abc import Sequence

import cv2

from agent.vision.encode import halved
from agent.vision.frame import Frame
from agent.vision.region import planes

NEARLY = 0.9
"""A frame with this share of the best one's sharpness is sharp enough: of those the newest is taken."""
_LARGE_PX = 1280
"""Frames of this width or more are halved until they are less wide: codec noise then counts little, it costs a third,
and a blur that the model would notice still shows."""


def sharpest(frames: Sequence[Frame]) -> Frame:
    """The newest of the frames that are nearly as sharp as the sharpest one. Blocking: about a millisecond a frame.

    Args:
        frames: At least one, oldest first. Those that are not shaped like the newest are not compared, but skipped.

    Raises:
        ValueError: If the newest frame's buffer does not have the size its dimensions say, and others are alike.
    """
    newest = frames[-1]
    alike = [frame for frame in frames if _shape(frame) == _shape(newest)]
    if len(alike) == 1:
        return newest
    scores = [sharpness(frame) for frame in alike]
    enough = NEARLY * max(scores)
    return next(frame for frame, score in zip(reversed(alike), reversed(scores), strict=True) if score >= enough)


def sharpness(frame: Frame) -> float:
    """Variance of the Laplacian of the reduced luma plane: comparable between frames of one size and scene alone.

    Raises:
        ValueError: If the frame's buffer does not have the size its dimensions say.
    """
    luma, _, _ = planes(frame)
    while luma.shape[1] >= _LARGE_PX and luma.shape[0] >= 2:
        luma = halved(luma)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))
    return float(deviation[0, 0]) ** 2


def _shape(frame: Frame) -> tuple[int, int, int, int]:
    return frame.width, frame.height, frame.rotation, frame.i420.size
