"""Where speech starts and ends."""

import numpy as np
import pytest

from sandbox.stt.segmenter import MAX_UTTERANCE_MS, Ended, Event, Paused, Segmenter, Started
from sandbox.tts import pcm

HZ = 16_000


def silence(ms: int) -> bytes:
    """Nothing to hear."""
    return bytes(HZ * ms // 1000 * 2)


def voice(ms: int) -> bytes:
    """A hum of this length."""
    return (pcm.hum("x" * 50, HZ) * 20)[: HZ * ms // 1000 * 2]


def noise(ms: int, level: float) -> bytes:
    """Hiss of this loudness (root mean square)."""
    samples = np.random.default_rng(1).normal(0, level, HZ * ms // 1000)
    return bytes(samples.astype("<i2").tobytes())


def cut(sound: bytes, piece_ms: int = 50, hangover_ms: int = 250) -> list[Event]:
    """Everything a segmenter tells about `sound`, fed in pieces."""
    segmenter = Segmenter(HZ, hangover_ms=hangover_ms)
    return [event for piece in pcm.chunks(sound, HZ, piece_ms) for event in segmenter.feed(piece)]


@pytest.mark.parametrize("piece_ms", [5, 50, 1_000])
def test_one_utterance_has_one_start_and_one_end(piece_ms: int) -> None:
    """Whatever the size of the pieces, positions are those of the sound."""
    events = cut(silence(500) + voice(800) + silence(500), piece_ms)
    started, paused, ended = events
    assert isinstance(started, Started)
    assert isinstance(paused, Paused)
    assert isinstance(ended, Ended)
    assert started.at / HZ == pytest.approx(0.5, abs=0.06)
    assert ended.at / HZ == pytest.approx(1.3, abs=0.06)
    assert paused.at == ended.at
    assert pcm.duration_ms(ended.pcm, HZ) == pytest.approx(240 + 800 + 250, abs=60)


def test_a_short_pause_does_not_end_an_utterance() -> None:
    """Two words with 150 ms between them belong together."""
    events = cut(voice(400) + silence(150) + voice(400) + silence(400))
    assert [type(event) for event in events] == [Started, Paused, Paused, Ended]


def test_hangover_decides_what_a_pause_is() -> None:
    """The same two words are two utterances when 100 ms of silence is enough."""
    events = cut(voice(400) + silence(150) + voice(400) + silence(400), hangover_ms=100)
    assert [type(event) for event in events].count(Ended) == 2


@pytest.mark.parametrize("sound", [silence(2_000), noise(2_000, 60), voice(40) + silence(1_000)])
def test_silence_hiss_and_clicks_are_no_speech(sound: bytes) -> None:
    """Nothing is told about them."""
    assert cut(sound) == []


def test_speech_is_found_in_noise() -> None:
    """A voice well above a steady hiss starts and ends where it does without it."""
    quiet = silence(3_000) + voice(600) + silence(1_000)
    mixed = np.frombuffer(quiet, "<i2") + np.frombuffer(noise(4_600, 150), "<i2")
    kinds = [type(event) for event in cut(bytes(mixed.astype("<i2").tobytes()))]
    assert kinds == [Started, Paused, Ended]


def test_an_endless_utterance_is_cut() -> None:
    """No utterance is longer than what can be heard at once."""
    ended = [event for event in cut(voice(1_000) * 60) if isinstance(event, Ended)]
    assert ended
    assert all(pcm.duration_ms(event.pcm, HZ) <= MAX_UTTERANCE_MS for event in ended)


def test_finish_ends_the_utterance_in_progress() -> None:
    """What was said so far is the utterance; afterwards nobody speaks."""
    segmenter = Segmenter(HZ)
    segmenter.feed(voice(500))
    (ended,) = segmenter.finish()
    assert isinstance(ended, Ended)
    assert pcm.duration_ms(ended.pcm, HZ) == pytest.approx(500, abs=30)
    assert segmenter.finish() == []
    assert segmenter.spoken_samples == 0
