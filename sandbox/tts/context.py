"""One spoken context of a speech socket: sentences in, messages with sound out, in order."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from sandbox.control.entries import Entry
from sandbox.control.faults import HANG_S, Fault
from sandbox.control.record import Record
from sandbox.tts import pcm
from sandbox.tts.sentences import SentenceBuffer, word_times
from sandbox.tts.speech import CHUNK_MS, Speech
from sandbox.tts.voice import VoiceError

MAX_SENTENCES = 256
"""Sentences waiting to be spoken; whoever is further ahead has to wait."""

MAX_RECORDED_CHARS = 20_000

Send = Callable[[dict[str, Any]], Awaitable[None]]


class CutHere(Exception):  # noqa: N818  # says what it is
    """The place where an ordered fault ends the connection."""


class Context:
    """Speaks what is written to it. `run` is a task of the socket that owns it."""

    def __init__(
        self,
        context_id: str,
        *,
        entry: Entry,
        record: Record,
        speech: Speech,
        send: Send,
        sample_rate: int,
        timestamps: bool,
        fault: Fault | None,
    ) -> None:
        self.id = context_id
        self.entry = entry
        self._record = record
        self._speech = speech
        self._send = send
        self._sample_rate = sample_rate
        self._timestamps = timestamps
        self._fault = fault
        self._buffer = SentenceBuffer()
        # None is the end of the text. Bounded: a full queue makes the socket stop reading.
        self._sentences: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue(MAX_SENTENCES)

    async def write(self, text: str, *, flush: bool, last: bool) -> None:
        """Take more text.

        Args:
            text: Any part of the transcript.
            flush: Speak even an unfinished sentence now.
            last: No more text will come.
        """
        received = asyncio.get_running_loop().time()
        self.entry.request_bytes += len(text.encode())
        self.entry.text = (self.entry.text + text)[:MAX_RECORDED_CHARS]
        for sentence in self._buffer.push(text, flush=flush or last):
            await self._sentences.put((sentence, received))
        if last:
            await self._sentences.put(None)

    async def run(self) -> None:
        """Speak until the text ends.

        Raises:
            CutHere: An ordered fault ends the connection now.
        """
        with self._record.keeping(self.entry):
            if self._fault and not await self._meet(self._fault):
                return
            while (item := await self._sentences.get()) is not None:
                try:
                    await self._speak(*item)
                except VoiceError as error:
                    await self._fail(500, str(error))
                    return
            await self._send(self._message("done", done=True, status_code=200))

    async def _meet(self, fault: Fault) -> bool:
        """Go through a fault; whether there is anything to speak afterwards."""
        self.entry.fault = fault.kind
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_ms / 1000)
        elif fault.kind == "hang":
            await asyncio.sleep(HANG_S)
            await self._fail(504, "The ordered hang is over.")
        elif fault.kind == "drop":
            raise CutHere("dropped, as ordered")
        elif fault.kind == "error":
            await self._fail(fault.status, "This error was ordered.")
        return fault.kind in ("slow", "cut")

    async def _fail(self, status: int, message: str) -> None:
        self._record.close(self.entry, "error", message)
        await self._send(self._message("error", done=True, status_code=status, error=message))

    async def _speak(self, sentence: str, received: float) -> None:
        sound = await self._speech.of(sentence, self._sample_rate, received=received)
        if self._timestamps:
            length_s = pcm.duration_ms(sound, self._sample_rate) / 1000
            times = word_times(sentence, self.entry.audio_ms / 1000, length_s)
            await self._send(self._message("timestamps", word_timestamps=asdict(times)))
        pieces = pcm.chunks(sound, self._sample_rate, CHUNK_MS)
        cut = self._fault is not None and self._fault.kind == "cut"
        for piece in pieces[: len(pieces) // 2] if cut else pieces:
            await self._send(self._message("chunk", data=base64.b64encode(piece).decode()))
            self._record.first_byte(self.entry)
            self.entry.audio_ms += pcm.duration_ms(piece, self._sample_rate)
        if cut:
            raise CutHere("cut, as ordered")

    def _message(self, kind: str, *, done: bool = False, status_code: int = 206, **more: object) -> dict[str, Any]:
        return {"type": kind, "context_id": self.id, "done": done, "status_code": status_code, **more}
