"""How a listening stream tells what it hears: the part of a provider's wire that differs from model to model."""

from dataclasses import dataclass
from typing import Any, Protocol

Message = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """Words, and where in the stream they were said."""

    text: str
    start_s: float
    """Seconds from the beginning of the stream."""
    length_s: float
    """Seconds."""


class Dialect(Protocol):
    """Turns what was heard into messages."""

    hangover_ms: int
    """Silence that ends an utterance; may change while it listens."""
    pause_ms: int
    """Silence that is worth a guess at the words."""
    guesses: bool
    """Whether it tells of pauses that may be the end, by `paused` and `resumed`."""

    def started(self, at_s: float) -> Message:
        """Somebody began to speak, `at_s` seconds into the stream."""

    def interim(self, said: Said) -> Message:
        """The words so far, while the speech goes on."""

    def paused(self, said: Said) -> Message:
        """The words so far, in a pause that may be the end."""

    def resumed(self, said: Said) -> Message:
        """The pause was not the end."""

    def ended(self, said: Said) -> Message:
        """The words, for good."""
