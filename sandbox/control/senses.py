"""Ears, eyes and voice together: loaded once, before anybody needs them."""

import asyncio

from sandbox.llm.eyes import Eyes
from sandbox.stt.ears import Ears
from sandbox.tts.voice import Voice


class Senses:
    """The models behind the providers. Until `load` is called nothing heavy is imported."""

    def __init__(self) -> None:
        self.ears = Ears()
        self.eyes = Eyes()
        self.voice = Voice()

    async def load(self) -> None:
        """Load all three side by side, a few seconds.

        Raises:
            ImportError: The sandbox extra is not installed.
            VoiceError: The voice process did not start.
        """
        await asyncio.gather(self.ears.load(), self.eyes.load(), self.voice.start())

    async def aclose(self) -> None:
        """End the threads and the voice process."""
        await self.voice.aclose()
        await asyncio.gather(asyncio.to_thread(self.ears.close), asyncio.to_thread(self.eyes.close))
