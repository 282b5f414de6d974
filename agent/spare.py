"""Spare sounds: the sentences of a bad moment, spoken in a good one, for when no voice can be had."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import structlog
from livekit import rtc
from livekit.agents import tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions

log = structlog.stdlib.get_logger(__name__)

PREPARE_S = 20.0
"""Seconds that all of them may take; nobody waits for it."""
_RATE_HZ = 24_000
_FRAME_S = 0.02


class Spare:
    """Keeps sentences as sound, s16le mono. One that could not be had is two soft falling notes."""

    def __init__(self) -> None:
        self._sounds: dict[str, list[rtc.AudioFrame]] = {}

    def __contains__(self, sentence: str) -> bool:
        return sentence in self._sounds

    async def prepare(self, voice: tts.TTS[Any], sentences: Sequence[str]) -> None:
        """Have each sentence spoken, one after the other, by the voice of the call."""
        try:
            async with asyncio.timeout(PREPARE_S):
                for sentence in sentences:
                    self._sounds[sentence] = [frame async for frame in speech(voice, sentence)]
        except Exception as error:  # noqa: BLE001 - nothing that anybody waits for: there are the notes
            log.warning("spare_not_prepared", have=len(self._sounds), error=type(error).__name__)

    async def frames(self, sentence: str) -> AsyncIterator[rtc.AudioFrame]:
        """The sentence as sound, or the notes."""
        for frame in self._sounds.get(sentence) or _NOTES:
            yield rtc.AudioFrame(frame.data, frame.sample_rate, frame.num_channels, frame.samples_per_channel)


async def speech(
    voice: tts.TTS[Any], text: str, options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
) -> AsyncIterator[rtc.AudioFrame]:
    """A text as a voice speaks it, by the way that it has: in a stream, or as a whole.

    Raises:
        APIError: If it can't.
    """
    if voice.capabilities.streaming:
        async with voice.stream(conn_options=options) as stream:
            stream.push_text(text)
            stream.end_input()
            async for audio in stream:
                yield audio.frame
    else:
        async with voice.synthesize(text, conn_options=options) as whole:
            async for audio in whole:
                yield audio.frame


def falling_notes() -> list[rtc.AudioFrame]:
    """Two short soft notes, a fourth apart, the lower one last."""
    count = int(_RATE_HZ * 0.18)
    at = np.arange(count) / _RATE_HZ
    fade = np.sin(np.pi * np.arange(count) / count) ** 2
    notes = [np.sin(2 * np.pi * pitch_hz * at) * fade for pitch_hz in (440.0, 330.0)]
    samples = (np.concatenate(notes) * 0.25 * 32767).astype("<i2")
    size = int(_RATE_HZ * _FRAME_S)
    whole = samples[: samples.size // size * size].reshape(-1, size)
    return [rtc.AudioFrame(row.tobytes(), _RATE_HZ, 1, size) for row in whole]


_NOTES = falling_notes()
