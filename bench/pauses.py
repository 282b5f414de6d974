"""What silence alone can tell, and the turn detector: judged on the recordings, without a call."""

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.local_inference import EOT, EOT_MAX_SAMPLES
from livekit.plugins import silero

from bench.report import percentile
from bench.sentences import PAUSES_S, Sentence, record
from sandbox.tts import pcm

RATE_HZ = 16_000
SILENCES_S = (0.25, 0.35, 0.45, 0.5, 0.55)
THRESHOLD = 0.36
"""The detector's own for English."""
ASKED_AFTER_S = 0.25
"""Seconds of silence after which it is asked: 0.2, and what the VAD needs to notice."""
_LEAD_S = 0.5
_TAIL_S = 2.0


async def judge(rounds: int) -> str:
    """In a few sentences: how late silence is noticed, which pauses are cut, and what the detector says."""
    sentences, rate = await record(rounds)
    sounds = [pcm.resample(sentence.pcm, rate, RATE_HZ) for sentence in sentences]
    told = []
    for silence_s in SILENCES_S:
        ends = [await _ends(sound, silence_s) for sound in sounds]
        late = [1000 * (each[-1] - _length_s(sound)) for each, sound in zip(ends, sounds, strict=True)]
        cut = [len(each) > 1 for each in ends]
        told.append(f"{silence_s:g} s: {percentile(late, 50):.0f} ms, {_share(sentences, cut)}")
    detector = EOT()
    at_ends = [_says_end(detector, sound) for sound in sounds]
    paused = [
        (sentence, _says_end(detector, sound[: _pause_at(sound, sentence)]))
        for sentence, sound in zip(sentences, sounds, strict=True)
        if sentence.pause_s > ASKED_AFTER_S
    ]
    said = sum(end for _, end in paused)
    return (
        f"On {len(sentences)} such recordings, without a call, Silero notices the end of speech (median), and takes "
        f"pauses for it, with a silence of {'; '.join(told)}. LiveKit's detector (`v1-mini`), asked after "
        f"{ASKED_AFTER_S:g} s of silence, takes {sum(at_ends)} of {len(at_ends)} ends for one, and {said} of "
        f"{len(paused)} pauses: how well it does on people's voices is not measured here."
    )


async def _ends(sound: bytes, silence_s: float) -> list[float]:
    """When Silero takes the speech for ended, in seconds of the sound."""
    stream = silero.VAD.load(min_silence_duration=silence_s).stream()
    whole = bytes(2 * int(_LEAD_S * RATE_HZ)) + sound + bytes(2 * int(_TAIL_S * RATE_HZ))
    for piece in pcm.chunks(whole, RATE_HZ, 10):
        stream.push_frame(rtc.AudioFrame(piece, RATE_HZ, 1, len(piece) // 2))
    stream.end_input()
    ended = [
        event.samples_index / RATE_HZ - _LEAD_S
        async for event in stream
        if event.type is vad.VADEventType.END_OF_SPEECH
    ]
    await stream.aclose()
    return ended


def _length_s(sound: bytes) -> float:
    return pcm.duration_ms(sound, RATE_HZ) / 1000


def _pause_at(sound: bytes, sentence: Sentence) -> int:
    """The byte at which the longest silence in the sound begins: the pause, which is nothing but zeros."""
    silent = np.frombuffer(sound, "<i2") == 0
    need = int(0.9 * sentence.pause_s * RATE_HZ)
    run = np.convolve(silent, np.ones(need), "valid")
    return int(2 * np.argmax(run))


def _says_end(detector: EOT, speech: bytes) -> bool:
    samples = np.frombuffer(speech + bytes(2 * int(ASKED_AFTER_S * RATE_HZ)), "<i2")
    return float(detector.predict(samples[-EOT_MAX_SAMPLES:])) >= THRESHOLD


def _share(sentences: list[Sentence], cut: list[bool]) -> str:
    found = []
    for pause_s in PAUSES_S:
        of = [one for sentence, one in zip(sentences, cut, strict=True) if sentence.pause_s == pause_s]
        found.append(f"{sum(of)}/{len(of)} of {pause_s:g} s")
    return ", ".join(found)
