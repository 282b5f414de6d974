"""A voice that speaks English, at the other end of two pipes."""

import asyncio
import struct
import sys
from pathlib import Path

from sandbox.tts import pcm

_ROOT = Path(__file__).resolve().parents[2]

MAX_TEXT_CHARS = 5_000
"""Longer texts are refused: one sentence, or a few, is what a caller or a provider is asked to say."""

MAX_SPEECH_BYTES = 64 * 1024 * 1024


class VoiceError(Exception):
    """The voice process is gone, or was asked for more than it takes."""


class Voice:
    """Speaks one text at a time; further calls wait for their turn."""

    def __init__(self, sample_rate: int = 24_000) -> None:
        self.sample_rate = sample_rate
        """Hertz, of everything `speak` returns."""
        self._native_rate = 0
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._exchanges: set[asyncio.Task[bytes]] = set()

    async def start(self) -> None:
        """Start the process and wait until it can speak, about a second.

        Raises:
            VoiceError: The process ended instead, for instance because `piper-tts` is not installed.
        """
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox.tts.voice_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
        )
        (self._native_rate,) = struct.unpack("<I", await self._receive())

    async def speak(self, text: str) -> bytes:
        """`text` as PCM, s16le, mono, at `sample_rate`; empty when there is nothing to pronounce.

        Raises:
            VoiceError: The text is too long, or the process is gone.
        """
        if len(text) > MAX_TEXT_CHARS:
            raise VoiceError(f"{len(text):,} characters, at most {MAX_TEXT_CHARS:,}")
        # A question that was written must have its answer read, or the next caller would get it:
        # so the exchange runs to its end even when whoever asked has been cancelled.
        exchange = asyncio.create_task(self._exchange(text))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)
        return await asyncio.shield(exchange)

    async def aclose(self) -> None:
        """Close the pipe and wait for the process to end. Safe to call twice."""
        pending = list(self._exchanges)
        for exchange in pending:
            exchange.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), timeout=5)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _exchange(self, text: str) -> bytes:
        async with self._turn:
            if self._process is None or self._process.stdin is None:
                raise VoiceError("the voice was not started")
            body = text.encode()
            try:
                self._process.stdin.write(struct.pack("<I", len(body)) + body)
                await self._process.stdin.drain()
            except ConnectionError as error:
                raise VoiceError("the voice process is gone") from error
            native = await self._receive()
        return await asyncio.to_thread(pcm.resample, native, self._native_rate, self.sample_rate)

    async def _receive(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            (length,) = struct.unpack("<I", await self._process.stdout.readexactly(4))
            if length > MAX_SPEECH_BYTES:
                raise VoiceError(f"{length:,} bytes of speech, at most {MAX_SPEECH_BYTES:,}")
            return await self._process.stdout.readexactly(length)
        except asyncio.IncompleteReadError as error:
            code = await self._process.wait()
            raise VoiceError(f"the voice process ended with code {code}") from error
