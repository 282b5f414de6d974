"""What a live model hears: turns found by their silences, or told by the client."""

from dataclasses import dataclass

from sandbox.stt.segmenter import Ended, Segmenter, Started

RATE_HZ = 24_000
SILENCE_MS = 500
"""As OpenAI's server turn detection waits, unless the session says otherwise."""


@dataclass(frozen=True)
class Began:
    """Somebody began to speak."""

    at_ms: int


@dataclass(frozen=True)
class Turn:
    """What was said from there on is complete."""

    at_ms: int
    pcm: bytes
    """s16le, mono."""
    speech_s: float
    """From its first to its last voiced sound."""
    silence_s: float
    """From there to now."""


class Ear:
    """Hears one stream of mono s16le sound. Does no I/O."""

    def __init__(self, rate_hz: int = RATE_HZ) -> None:
        self._rate_hz = rate_hz
        self._segmenter = Segmenter(rate_hz, hangover_ms=SILENCE_MS)
        self._buffer = bytearray()
        self.manual = False
        """The client says where a turn ends."""

    def wait(self, silence_ms: int) -> None:
        """End turns after so much silence from now on."""
        self._segmenter.wait(silence_ms, silence_ms)

    def feed(self, sound: bytes) -> list[Began | Turn]:
        """Take the next sound, and tell what it changed."""
        if self.manual:
            self._buffer += sound
            return []
        told: list[Began | Turn] = []
        for event in self._segmenter.feed(sound):
            if isinstance(event, Started):
                told.append(Began(self._ms(event.at)))
            elif isinstance(event, Ended):
                told.append(self._turn(event))
        return told

    def commit(self) -> Turn | None:
        """What was heard since the last commit, as a turn; `None` for less than the tenth of a second."""
        pcm = bytes(self._buffer)
        self._buffer.clear()
        length_s = len(pcm) / 2 / self._rate_hz
        return Turn(0, pcm, length_s, 0.0) if length_s >= 0.1 else None

    def finish(self) -> Turn | None:
        """No sound will follow for now: what is being said, as a turn."""
        turns = [self._turn(event) for event in self._segmenter.finish() if isinstance(event, Ended)]
        return turns[0] if turns else None

    def clear(self) -> None:
        """Forget what was heard."""
        self._buffer.clear()
        self._segmenter.finish()

    def _turn(self, event: Ended) -> Turn:
        silence_s = (self._segmenter.position - event.at) / self._rate_hz
        return Turn(self._ms(event.at), event.pcm, (event.at - event.started_at) / self._rate_hz, silence_s)

    def _ms(self, position: int) -> int:
        return round(position / self._rate_hz * 1000)
