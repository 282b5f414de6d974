"""Recorded sentences to be taken for turns: whole questions, and sentences with a pause inside."""

from dataclasses import dataclass

import numpy as np

from sandbox.caller.sound import voiced_frames
from sandbox.tts.voice import Voice

PAUSES_S = (0.2, 0.4, 0.6, 0.8, 1.0)
HEARS_AS_ONE_S = 0.25
"""The stand-in takes what follows a shorter silence for the same utterance."""

QUESTIONS = (
    "What number do you see?",
    "Can you read the small print on this label for me?",
    "Is the light on the router green or red?",
    "Please read the third line.",
    "Which of these two plugs fits the socket?",
)
PARTED = (
    ("So I was wondering,", "what the sign over there says."),
    ("I would like to know if", "this label says anything about sugar."),
    ("When I turn it like this,", "what do you see on the back?"),
    ("Could you please read the", "third line of this page?"),
    ("There is a number on the", "left side of this box."),
    ("Is this the right", "cable for the screen?"),
)
"""Where somebody might stop to think: after a clause, and in the middle of one."""


@dataclass(frozen=True)
class Sentence:
    """Something to say.

    Attributes:
        parts: What is heard, utterance by utterance.
        pause_s: Seconds of silence between its halves; 0 for none.
        pcm: s16le, mono.
    """

    parts: tuple[str, ...]
    pause_s: float
    pcm: bytes

    @property
    def text(self) -> str:
        """All of it, as one turn."""
        return " ".join(self.parts)


async def record(rounds: int) -> tuple[list[Sentence], int]:
    """The sentences and their sample rate: each round has every pause once, and as many whole questions."""
    voice = Voice()
    sentences: list[Sentence] = []
    await voice.start()
    try:
        rate = voice.sample_rate
        for number in range(rounds):
            for place, pause_s in enumerate(PAUSES_S):
                question = QUESTIONS[(number + place) % len(QUESTIONS)]
                sentences.append(Sentence((question,), 0.0, await voice.speak(question)))
                halves = PARTED[(number * len(PAUSES_S) + place) % len(PARTED)]
                first, second = [trimmed(await voice.speak(half), rate) for half in halves]
                silence = bytes(2 * int(pause_s * rate))
                parts = halves if pause_s > HEARS_AS_ONE_S else (" ".join(halves),)
                sentences.append(Sentence(parts, pause_s, first + silence + second))
    finally:
        await voice.aclose()
    return sentences, rate


def trimmed(speech: bytes, sample_rate: int) -> bytes:
    """A recording (s16le, mono) without the silence at both ends, so that a pause is as long as it is said to be."""
    samples = np.frombuffer(speech, np.int16)
    frame = sample_rate // 100
    voiced = voiced_frames(samples, frame)
    assert voiced is not None, "a recording of speech holds a voice"
    return samples[voiced[0] * frame : (voiced[1] + 1) * frame].tobytes()
