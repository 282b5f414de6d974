"""The pictures of earlier turns, for the model to recall."""

from collections import deque

from agent.vision.view import Look, View


class Album:
    """The newest turns' looks, bounded in number and bytes. Drops the oldest: what was just seen is asked for most."""

    def __init__(self, *, max_turns: int, max_bytes: int):
        """Keep at most `max_turns` turns, whose pictures have at most `max_bytes` bytes together."""
        self._looks: deque[Look] = deque(maxlen=max_turns)
        self._max_bytes = max_bytes

    def add(self, look: Look) -> None:
        """Keep what a turn was answered from."""
        self._looks.append(look)
        while self._looks and self._bytes() > self._max_bytes:
            self._looks.popleft()

    def __len__(self) -> int:
        """How many turns are kept."""
        return len(self._looks)

    def turns_ago(self, count: int) -> Look | None:
        """What the turn so many turns before the present one was answered from; `None` if it is not kept."""
        return self._looks[-count] if 1 <= count <= len(self._looks) else None

    def _bytes(self) -> int:
        # Turns in which nothing changed share one picture.
        shots = [shot for look in self._looks if isinstance(look, View) for shot in look.shots]
        return sum({shot.image.sha256: len(shot.image.data) for shot in shots}.values())
