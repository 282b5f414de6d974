"""Sentences, word times and made-up sound."""

import pytest

from sandbox.stt.dialect import Said
from sandbox.stt.ears import said_once
from sandbox.stt.nova import Nova
from sandbox.tts import pcm
from sandbox.tts.sentences import MAX_CHARS, SentenceBuffer, word_times


def test_sentences_leave_when_they_end() -> None:
    """Text in any pieces gives whole sentences; a flush gives the rest."""
    buffer = SentenceBuffer()
    assert buffer.push("Hello the", flush=False) == []
    assert buffer.push("re. How are you? I", flush=False) == ["Hello there.", "How are you?"]
    assert buffer.push(" see 3.5 cats", flush=False) == []
    assert buffer.push(" ", flush=True) == ["I see 3.5 cats"]
    assert buffer.push(" ", flush=True) == []


def test_a_sentence_without_an_end_is_bounded() -> None:
    """Text that never ends is spoken anyway."""
    (spoken,) = SentenceBuffer().push("x" * (MAX_CHARS + 1), flush=False)
    assert len(spoken) == MAX_CHARS + 1


def test_words_are_timed_by_their_letters() -> None:
    """They follow each other without gaps and end with the sound."""
    times = word_times("A longer word", 1.0, 2.0)
    assert times.words == ["A", "longer", "word"]
    assert times.start[1:] == times.end[:-1]
    assert (times.start[0], times.end[-1]) == (1.0, 3.0)
    assert times.end[1] - times.start[1] > times.end[0] - times.start[0]
    assert word_times(" ", 1.0, 2.0).words == []


def test_a_transcript_has_timed_words() -> None:
    """With punctuation where the plugin looks for it."""
    message = Nova("r", hangover_ms=250).ended(Said("What is this?", start_s=0.5, length_s=1.0))
    (alternative,) = message["channel"]["alternatives"]
    assert [word["word"] for word in alternative["words"]] == ["what", "is", "this"]
    assert alternative["words"][-1]["punctuated_word"] == "this?"
    assert message["is_final"] is message["speech_final"] is True


@pytest.mark.parametrize(("text", "ms"), [("Answer 7.", 540), ("x" * 1_000, 3_000), ("", 0)])
def test_a_hum_is_as_long_as_its_text(text: str, ms: float) -> None:
    """60 ms a character, bounded, and always the same."""
    assert pcm.duration_ms(pcm.hum(text, 24_000), 24_000) == pytest.approx(ms, abs=1)
    assert pcm.hum(text, 24_000) == pcm.hum(text, 24_000)


def test_resampling_keeps_the_length() -> None:
    """Nothing is lost at the edges."""
    sound = pcm.hum("hello there", 22_050)
    assert pcm.resample(sound, 22_050, 22_050) is sound
    resampled = pcm.resample(sound, 22_050, 24_000)
    assert pcm.duration_ms(resampled, 24_000) == pytest.approx(pcm.duration_ms(sound, 22_050), abs=15)


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("Yes. Yes. Yes.", "Yes."),
        ("What is it? What is it? What", "What is it?"),
        ("Please wait here", "Please wait here"),
        ("", ""),
    ],
)
def test_repetitions_are_heard_once(text: str, once: str) -> None:
    """A rough ear stutters."""
    assert said_once(text) == once
