"""Live conversations with the sandbox, by the framework's own clients: what their tests share."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit import rtc
from livekit.agents import llm
from livekit.agents.types import APIConnectOptions
from PIL import Image

from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry
from sandbox.control.script import Mode
from sandbox.server import Options
from sandbox.tts import pcm

HZ = 24_000
VOICE = pcm.hum("x" * 12, HZ)
"""0.7 s of what any energy detector takes for a voice."""
SILENCE = bytes(2 * HZ)
EXACT = Options(Mode(exact=True, llm_first_token_ms=50), models=False)
CONNECT = APIConnectOptions(max_retry=3, retry_interval=0.1, timeout=5)


def jpeg(colour: str) -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "JPEG")
    return file.getvalue()


@dataclass
class Talk:
    """A session of a plugin, and what it was told."""

    session: Any
    sandbox: SandboxClient
    generations: list[llm.GenerationCreatedEvent] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    fatal: list[Exception] = field(default_factory=list)
    reconnected: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Note what the plugin tells from now on."""
        self.session.on("generation_created", self.generations.append)
        self.session.on(
            "input_audio_transcription_completed",
            lambda event: self.heard.append(event.transcript) if event.is_final else None,
        )
        self.session.on("error", self._failed)
        self.session.on("session_reconnected", lambda _: self.reconnected.set())

    async def say(self, sound: bytes) -> None:
        """Push s16le mono sound, a little faster than it plays."""
        for piece in pcm.chunks(sound, HZ, 50):
            self.session.push_audio(rtc.AudioFrame(piece, HZ, 1, len(piece) // 2))
            await asyncio.sleep(0.02)

    async def until(self, told: Sequence[object]) -> None:
        """Wait for the first of what the plugin tells."""
        async with asyncio.timeout(20):
            while not told:  # noqa: ASYNC110 - the plugin's events are callbacks
                await asyncio.sleep(0.02)

    async def answer(self) -> tuple[str, float]:
        """The words of the next answer, and the seconds of its sound."""
        async with asyncio.timeout(20):
            await self.until(self.generations)
            return await spoken(self.generations.pop(0))

    async def conversation(self) -> Entry:
        """What the sandbox has of it."""
        return (await self.sandbox.requests("realtime"))[-1]

    def _failed(self, event: llm.RealtimeModelError) -> None:
        self.errors.append(event.error)
        if not event.recoverable:
            self.fatal.append(event.error)


async def spoken(generation: llm.GenerationCreatedEvent) -> tuple[str, float]:
    """The words of an answer, and the seconds of its sound."""
    text, seconds = "", 0.0
    async for message in generation.message_stream:
        text += "".join([str(piece) async for piece in message.text_stream])
        seconds += sum([frame.duration async for frame in message.audio_stream])
    return text, seconds
