"""Something to point a camera at, and the kind of it that never changes."""

from typing import Protocol

from sandbox.caller.stamp import Pixels


class Scene(Protocol):
    """Something to point a camera at."""

    @property
    def still(self) -> bool:
        """Whether every frame is the same, so that one conversion serves them all."""

    def frame(self, now: float) -> Pixels:
        """Draw the moment `now` (unix seconds).

        Returns:
            RGB, height x width x 3, uint8; the scene's own buffer, valid until the next call.
        """


class Still:
    """A scene that never changes. Its picture is RGB, height x width x 3, uint8."""

    still = True

    def __init__(self, picture: Pixels) -> None:
        self._picture = picture

    def frame(self, now: float) -> Pixels:  # noqa: ARG002 - the moment makes no difference here
        """Give the one picture."""
        return self._picture
