"""When the next picture of a live video is due: a plain decision. All times are monotonic seconds."""

from typing import Final

NEVER: Final = float("inf")
SOON_S: Final = 0.5
"""Seconds until the next look at what is on its way."""


class Pacing:
    """More pictures while the caller speaks, fewer in silence, and one at once as either begins."""

    def __init__(self, *, fps_speaking: float, fps_silent: float):
        """Frames a second; 0 for none."""
        self._every_s = {True: _every(fps_speaking), False: _every(fps_silent)}
        self._speaking = False
        self._sent_at = -NEVER
        self._coming = False
        self._asked = True  # the first one

    def speaking(self, value: bool) -> bool:  # noqa: FBT001  # the value itself
        """The caller begins or ceases to speak; whether that is news."""
        news = value is not self._speaking
        self._speaking = value
        self._asked = self._asked or news
        return news

    def again(self) -> None:
        """Whatever was taken is lost: one is due at once."""
        self._asked = True

    def looked(self, now: float, *, coming: bool = False) -> None:
        """A picture was taken, or there was none to be had, or one is `coming`."""
        self._sent_at = now
        self._asked = False
        self._coming = coming

    def due_in(self, now: float) -> float:
        """Seconds until the next one; infinite if none is due until somebody speaks."""
        if self._asked:
            return 0.0
        every_s = self._every_s[self._speaking]
        return max(0.0, self._sent_at + (min(SOON_S, every_s) if self._coming else every_s) - now)


def _every(fps: float) -> float:
    return 1 / fps if fps else NEVER
