"""The most recent frame of a track, or the last few, and how old they are."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.vision.track import Source

MIN_EDGE_PX = 16
"""A browser sends a blank 8x8 frame when its camera is unpublished: nothing that small is a view."""
_SAMPLES = 1024
"""Pixels that tell whether a frame is blank."""
RECENT_S = 0.3
"""What is older than this before the newest frame may show another moment."""
MAX_RECENT = 6
"""A fifth of a second at 30 frames a second, 19 MB at 1080p: a shake or a focus that hunts leaves a sharp one in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded video frame. Compared by identity: the same object is the same moment.

    Attributes:
        i420: The three planes one after another (Y, then U and V at half size in both directions), uint8, 1-d,
            without padding. BT.601 limited range, since frames carry no colour space of their own.
        width: Pixels, before rotation.
        height: Pixels, before rotation.
        rotation: Degrees by which the picture must be turned clockwise to be upright: 0, 90, 180 or 270.
        track_sid: The track it came from.
        source: What that track shows.
        taken_at: Monotonic seconds at which it arrived.
    """

    i420: NDArray[np.uint8]
    width: int
    height: int
    rotation: int
    track_sid: str
    source: Source
    taken_at: float

    def age_s(self, now: float) -> float:
        """Seconds since it arrived; `now` is monotonic."""
        return max(0.0, now - self.taken_at)


class LatestFrame:
    """Holds one frame. A newer one drops the older: a stale picture is worse than none."""

    def __init__(self) -> None:
        self._frame: Frame | None = None

    def put(self, frame: Frame) -> bool:
        """Keep the frame; `False` if it is no view and was dropped."""
        if min(frame.width, frame.height) < MIN_EDGE_PX or _is_blank(frame):
            return False
        self._frame = frame
        return True

    def get(self) -> Frame | None:
        """The newest frame, however old."""
        return self._frame

    def recent(self) -> tuple[Frame, ...]:
        """The frames that may be shown for the moment of the newest, oldest first: here the newest alone."""
        return () if self._frame is None else (self._frame,)

    def clear(self) -> None:
        """Forget the frame: its track is muted, gone or no longer chosen."""
        self._frame = None


class RecentFrames(LatestFrame):
    """Holds the last few frames as well. Drops the oldest: over `MAX_RECENT`, or too long before the newest."""

    def __init__(self) -> None:
        super().__init__()
        self._frames: deque[Frame] = deque(maxlen=MAX_RECENT)

    def put(self, frame: Frame) -> bool:
        """Keep the frame; `False` if it is no view and was dropped."""
        if not super().put(frame):
            return False
        self._frames.append(frame)
        while frame.taken_at - self._frames[0].taken_at > RECENT_S:
            self._frames.popleft()
        return True

    def recent(self) -> tuple[Frame, ...]:
        """The frames that may be shown for the moment of the newest, oldest first."""
        return tuple(self._frames)

    def clear(self) -> None:
        """Forget the frames: their track is muted, gone or no longer chosen."""
        super().clear()
        self._frames.clear()


def _is_blank(frame: Frame) -> bool:
    """Luma 0 everywhere is no picture but what a decoder makes up in a pause: black is 16 in limited range."""
    luma = frame.i420[: frame.width * frame.height]
    step = max(1, luma.size // _SAMPLES) | 1  # odd, so that it wanders through the columns
    return not luma[::step].any()
