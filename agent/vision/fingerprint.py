"""Few enough bytes of a frame to keep and compare, and enough to tell whether its scene has changed."""

import cv2
import numpy as np

from agent.vision.encode import Pixels, halved
from agent.vision.frame import Frame
from agent.vision.region import planes

LUMA_CELLS = 32
"""Cells along each edge: of 40x23 pixels at 720p, so that one digit of a small sign is a good part of some cell."""
CHROMA_CELLS = 16
"""Cells along each edge of either colour plane: a red card and a green one may be equally bright."""
TOLERANCE = 8
"""Levels by which no cell may differ. Measured through VP8 at 720p: settled pictures of a still scene differ by 1, with
much sensor noise (8 levels) and flicker (2 levels) by 5, and one that is still being refined by 3. On a sign that fills
a tenth of the picture one changed digit of four changes some cell by 76 or more, on a twentieth by 55, and two digits
that swap places by 39; means in 16x16 cells would tell that by 3 only. A word on a large sign changes one by 186.
Letters of 7 pixels at 1080p stay below it."""
_CELL_PX = 4
"""A large plane is halved, which is cheap, while this many pixels are left along each edge of a cell."""


def fingerprint(frame: Frame) -> bytes:
    """The means of the frame's luma in 32x32 cells and of its colour in 16x16. Blocking: some tenths of a millisecond.

    Raises:
        ValueError: If the frame's buffer does not have the size its dimensions say.
    """
    luma, *chroma = planes(frame)
    return b"".join([_means(luma, LUMA_CELLS), *(_means(plane, CHROMA_CELLS) for plane in chroma)])


def unchanged(before: bytes, after: bytes) -> bool:
    """Whether two fingerprints are of the same scene; what has none may have changed."""
    if not before or len(before) != len(after):
        return False
    levels = [np.frombuffer(one, np.uint8).astype(np.int16) for one in (before, after)]
    return bool(np.abs(levels[0] - levels[1]).max() <= TOLERANCE)


def _means(plane: Pixels, cells: int) -> bytes:
    while min(plane.shape) >= 2 * _CELL_PX * cells:
        plane = halved(plane)
    return np.asarray(cv2.resize(plane, (cells, cells), interpolation=cv2.INTER_AREA), np.uint8).tobytes()
