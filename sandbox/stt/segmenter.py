"""Where speech starts and ends in PCM, judged by energy alone."""

from dataclasses import dataclass

import numpy as np

FRAME_MS = 20
"""Milliseconds of sound judged at once."""

ONSET_FRAMES = 3
"""Loud frames in a row that make a start: 60 ms, longer than a click."""

PRE_ROLL_MS = 240
"""Sound kept from before the start, so that a soft first consonant is heard."""

QUIETEST_VOICE = 250.0
"""Root mean square below which nothing is speech, on the 16-bit scale: -42 dBFS."""

FLOOR_RATIO = 3.0
"""Speech is this much louder than the noise between words."""

MAX_UTTERANCE_MS = 28_000
"""Where an endless utterance is cut, in milliseconds: Whisper hears 30 s at once."""


@dataclass(frozen=True)
class Started:
    """Somebody began to speak."""

    at: int
    """Sample position in the stream."""


@dataclass(frozen=True)
class Paused:
    """The speech stopped a moment ago, perhaps for good."""

    at: int
    """Sample position of the last voiced sample."""
    pcm: bytes
    """The utterance so far."""


@dataclass(frozen=True)
class Ended:
    """The speech has ended."""

    started_at: int
    """Sample position in the stream."""
    at: int
    """Sample position of the last voiced sample."""
    pcm: bytes
    """The utterance: s16le, mono, with a little silence on both sides."""


Event = Started | Paused | Ended


class Segmenter:
    """Cuts one mono s16le stream into utterances. Not thread-safe; does no I/O."""

    def __init__(self, sample_rate: int, *, hangover_ms: int = 250, pause_ms: int = 100) -> None:
        """Cut at silences.

        Args:
            sample_rate: Hertz.
            hangover_ms: Silence that ends an utterance.
            pause_ms: Silence that is worth an early guess.
        """
        self._frame_bytes = sample_rate * FRAME_MS // 1000 * 2
        self.wait(hangover_ms, pause_ms)
        self._max_bytes = MAX_UTTERANCE_MS // FRAME_MS * self._frame_bytes
        self._pre_roll_bytes = PRE_ROLL_MS // FRAME_MS * self._frame_bytes
        self._rest = b""
        self._kept = bytearray()
        self._position = 0
        self._floor = 50.0
        self._loud_frames = 0
        self._quiet_frames = 0
        self._started_at = 0
        self._last_voiced = 0
        self.speaking = False

    def wait(self, hangover_ms: int, pause_ms: int) -> None:
        """Change the silences, in milliseconds, from now on."""
        self._hangover_frames = max(1, hangover_ms // FRAME_MS)
        self._pause_frames = max(1, pause_ms // FRAME_MS)

    @property
    def position(self) -> int:
        """Samples judged so far."""
        return self._position

    @property
    def spoken(self) -> bytes:
        """The utterance so far; the latest sound before it when nobody speaks."""
        return bytes(self._kept)

    @property
    def spoken_samples(self) -> int:
        """How long the utterance has lasted so far, in samples; 0 when nobody speaks."""
        return self._position - self._started_at if self.speaking else 0

    @property
    def pausing(self) -> bool:
        """Whether the latest sound of the utterance was quiet: it may be about to end."""
        return self.speaking and self._quiet_frames > 0

    def feed(self, pcm: bytes) -> list[Event]:
        """Take the next sound, of any length, and tell what changed."""
        self._rest += pcm
        events: list[Event] = []
        while len(self._rest) >= self._frame_bytes:
            frame, self._rest = self._rest[: self._frame_bytes], self._rest[self._frame_bytes :]
            events += self._judge(frame)
        return events

    def finish(self) -> list[Event]:
        """End the utterance in progress now, if there is one."""
        return [self._end()] if self.speaking else []

    def _judge(self, frame: bytes) -> list[Event]:
        self._position += len(frame) // 2
        self._kept += frame
        loud = self._is_loud(frame)
        if not self.speaking:
            return self._listen(loud=loud)
        if loud:
            self._quiet_frames = 0
            self._last_voiced = self._position
        else:
            self._quiet_frames += 1
        if self._quiet_frames >= self._hangover_frames or len(self._kept) >= self._max_bytes:
            return [self._end()]
        if self._quiet_frames == self._pause_frames:
            return [Paused(self._last_voiced, bytes(self._kept))]
        return []

    def _listen(self, *, loud: bool) -> list[Event]:
        self._loud_frames = self._loud_frames + 1 if loud else 0
        if self._loud_frames < ONSET_FRAMES:
            # Drop oldest: only the latest sound can belong to the next utterance.
            del self._kept[: -self._pre_roll_bytes]
            return []
        self.speaking = True
        self._quiet_frames = 0
        self._last_voiced = self._position
        self._started_at = self._position - ONSET_FRAMES * self._frame_bytes // 2
        return [Started(self._started_at)]

    def _end(self) -> Ended:
        ended = Ended(self._started_at, self._last_voiced, bytes(self._kept))
        self.speaking = False
        self._loud_frames = 0
        self._kept.clear()
        return ended

    def _is_loud(self, frame: bytes) -> bool:
        samples = np.frombuffer(frame, "<i2").astype(np.float32)
        level = float(np.sqrt(np.mean(samples * samples)))
        loud = level > max(QUIETEST_VOICE, FLOOR_RATIO * self._floor)
        if level < self._floor:
            self._floor += 0.2 * (level - self._floor)
        elif loud:
            # A hum that never stops must become the floor in the end; a sentence must not.
            self._floor *= 1.002
        else:
            self._floor += 0.05 * (level - self._floor)
        self._floor = min(max(self._floor, 20.0), 3_000.0)
        return loud
