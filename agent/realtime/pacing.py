"""When the next picture of a live video is due: a plain decision. All times are monotonic seconds."""

from typing import Final

NEVER: Final = float("inf")


class Pacing:
    """More pictures while the caller speaks, fewer in silence, and one at once as either begins."""

    def __init__(self, *, fps_speaking: float, fps_silent: float):
        """Frames a second; 0 for none."""
        self._every_s = {True: _every(fps_speaking), False: _every(fps_silent)}
        self._speaking = False
        self._sent_at = -NEVER
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

    def looked(self, now: float) -> None:
        """A picture was taken, or there was none to be had."""
        self._sent_at = now
        self._asked = False

    def due_in(self, now: float) -> float:
        """Seconds until the next one; infinite if none is due until somebody speaks."""
        return 0.0 if self._asked else max(0.0, self._sent_at + self._every_s[self._speaking] - now)


def _every(fps: float) -> float:
    return 1 / fps if fps else NEVER
