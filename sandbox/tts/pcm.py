"""Mono 16-bit PCM: resampled, timed, and made up."""

import numpy as np
from livekit import rtc

BYTES_PER_SAMPLE = 2


def duration_ms(pcm: bytes, sample_rate: int) -> float:
    """How long `pcm` (s16le, mono) lasts, in milliseconds."""
    return len(pcm) / BYTES_PER_SAMPLE / sample_rate * 1000


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """`pcm` (s16le, mono) at another sample rate, in hertz."""
    if from_hz == to_hz or not pcm:
        return pcm
    resampler = rtc.AudioResampler(from_hz, to_hz)
    frame = rtc.AudioFrame(pcm, from_hz, 1, len(pcm) // BYTES_PER_SAMPLE)
    return b"".join(bytes(out.data) for out in [*resampler.push(frame), *resampler.flush()])


def chunks(pcm: bytes, sample_rate: int, chunk_ms: int) -> list[bytes]:
    """`pcm` (s16le, mono) in pieces of `chunk_ms` milliseconds; the last may be shorter."""
    size = sample_rate * chunk_ms // 1000 * BYTES_PER_SAMPLE
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def hum(text: str, sample_rate: int) -> bytes:
    """A hum whose length stands for `text`: 60 ms a character, at most 3 s; s16le, mono.

    The same text always gives the same samples, and any energy detector takes it for a voice.
    """
    seconds = min(0.060 * len(text), 3.0)
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * (140 * t + 0.8 * np.sin(2 * np.pi * 5 * t))
    wave = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6))
    fade = np.clip(np.minimum(t, seconds - t) / 0.015, 0, 1)
    return bytes((wave * fade * 5000).astype("<i2").tobytes())
