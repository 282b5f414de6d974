"""Text turned into sound: by the voice, or by a hum of known length after a known delay."""

import asyncio

from sandbox.control.script import Script
from sandbox.tts import pcm
from sandbox.tts.voice import Voice

CHUNK_MS = 120
"""Milliseconds of sound sent at once."""


class Speech:
    """The sound of a sentence, in the mode of the moment."""

    def __init__(self, script: Script, voice: Voice) -> None:
        self._script = script
        self._voice = voice

    async def of(self, sentence: str, sample_rate: int, *, received: float) -> bytes:
        """PCM (s16le, mono) of one sentence.

        Args:
            sentence: What to speak.
            sample_rate: Hertz.
            received: Loop time when the sentence arrived; the exact mode counts its delay from there.

        Raises:
            VoiceError: The voice is gone.
        """
        if self._script.mode.exact:
            ready = received + self._script.mode.tts_first_sound_ms / 1000
            await asyncio.sleep(ready - asyncio.get_running_loop().time())
            return pcm.hum(sentence, sample_rate)
        sound = await self._voice.speak(sentence)
        return await asyncio.to_thread(pcm.resample, sound, self._voice.sample_rate, sample_rate)
