"""What a client of Gemini's Live API says, shows and writes in one session, and what is answered to it.

Source: Google's "Live API - WebSockets API reference", client messages and `RealtimeInputConfig`.
"""

import asyncio
from contextlib import suppress
from typing import Any

from sandbox.control.entries import Entry, Frame, Utterance
from sandbox.control.state import State
from sandbox.llm.pictures import Picture
from sandbox.realtime.conversation import Item
from sandbox.realtime.ear import Began, Ear, Turn
from sandbox.realtime.gemini_answers import Answers
from sandbox.realtime.gemini_content import instructions_in, read_picture, read_result, read_turn
from sandbox.realtime.gemini_setup import Setup
from sandbox.realtime.gemini_wire import blob, invalid
from sandbox.realtime.socket import Send
from sandbox.stt.transcribe import transcribe

RATE_HZ = 16_000


class Talk:
    """A session's input. Everything it starts ends with `aclose`."""

    def __init__(self, state: State, entry: Entry, setup: Setup, answers: Answers, send: Send) -> None:
        self._state = state
        self._entry = entry
        self._setup = setup
        self._answers = answers
        self._send = send
        self._ear = Ear(RATE_HZ)
        self._ear.manual = setup.manual
        self._ear.wait(setup.silence_ms)
        self._active = False
        self._came = False
        self._names = 0
        self._understanding: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """End what is under way."""
        for task in self._understanding:
            task.cancel()
        await asyncio.gather(*self._understanding, return_exceptions=True)
        await self._answers.aclose()

    async def sense(self, body: dict[str, Any]) -> None:
        """Take realtime input: each message holds one kind of it, or more."""
        for chunk in body.get("mediaChunks") or []:
            sound = str(chunk.get("mimeType")).startswith("audio/")
            await self.sense({"audio" if sound else "video": chunk})
        if {"activityStart", "activityEnd"} & set(body) and not self._setup.manual:
            raise invalid("Explicit activity control is not supported when automatic activity detection is enabled.")
        if "activityStart" in body:
            await self._begin_activity()
        if "audio" in body:
            await self._hear(blob(body["audio"])[1])
        if "video" in body:
            await self._watch(body["video"])
        if "text" in body:
            await self._read(str(body["text"]))
        if "activityEnd" in body and self._active:
            self._end_activity(self._ear.commit())
        if body.get("audioStreamEnd") and (turn := self._ear.finish()):
            self._end_activity(turn)

    async def add_content(self, body: dict[str, Any]) -> None:
        """Take turns that a client adds; whatever is being said ends with that."""
        await self._answers.interrupt(to_ask=bool(body.get("turnComplete")))
        items: list[Item] = []
        for turn in body.get("turns") or []:
            item, pictures = await asyncio.to_thread(read_turn, turn, self._name(), self._state.pictures)
            for picture in pictures:
                self._keep(picture, item.id, streamed=False)
            self._answers.add(item)
            items.append(item)
        if body.get("turnComplete"):
            self._answers.ask(instructions_in(items), self._understanding)

    async def add_results(self, body: dict[str, Any]) -> None:
        """Take the results of calls. Those of cancelled ones come too late, and change nothing."""
        for response in body["functionResponses"]:
            known = self._answers.called(str(response["id"]))
            if known is None:
                continue
            call, awaited = known
            self._answers.add(read_result(response, call, self._name()))
            scheduling = "WHEN_IDLE" if awaited else response.get("scheduling")
            if scheduling == "INTERRUPT":
                await self._answers.interrupt()
            # Who speaks is heard out, and answered with the result.
            if scheduling != "SILENT" and not self._active:
                self._answers.ask()

    async def _hear(self, sound: bytes) -> None:
        if self._setup.manual and not self._active:
            return
        for heard in self._ear.feed(sound):
            if isinstance(heard, Began):
                await self._begin_activity()
            else:
                self._end_activity(heard)

    async def _watch(self, video: dict[str, Any]) -> None:
        picture = await asyncio.to_thread(read_picture, video, self._state.pictures)
        if not self._active and not self._setup.all_video:
            self._keep(picture, "", streamed=True)
            return
        self._came = True
        item = Item(self._name(), "message", "user", images=[picture.seen])
        self._keep(picture, item.id, streamed=True)
        self._answers.add(item)

    async def _read(self, text: str) -> None:
        """Written input counts as activity."""
        await self._interrupt(to_ask=not self._active)
        self._came = True
        self._answers.add(Item(self._name(), "message", "user", text))
        if not self._active:
            self._answers.ask(after=self._understanding)

    async def _begin_activity(self) -> None:
        self._active, self._came = True, False
        await self._interrupt()

    async def _interrupt(self, *, to_ask: bool = False) -> None:
        if self._setup.interrupts:
            await self._answers.interrupt(to_ask=to_ask)

    def _end_activity(self, turn: Turn | None) -> None:
        self._active = False
        if turn is not None:
            item = Item(self._name(), "message", "user", spoken=True, audio_s=turn.speech_s)
            self._answers.add(item)
            ended = self._state.record.now() - turn.silence_s
            utterance = Utterance(ended - turn.speech_s, ended)
            self._entry.utterances.append(utterance)
            task = asyncio.create_task(self._understand(item, utterance, turn))
            self._understanding.add(task)
            task.add_done_callback(self._understanding.discard)
        # An activity in which nothing came asks for nothing.
        if turn is not None or self._came:
            self._answers.ask(after=self._understanding)

    async def _understand(self, item: Item, utterance: Utterance, turn: Turn) -> None:
        item.text = utterance.text = await transcribe(self._state, utterance, turn.pcm, RATE_HZ)
        utterance.final = self._state.record.now()
        if self._setup.tells_heard and item.text:
            with suppress(ConnectionError):  # the client went away, and its socket says so
                await self._send({"serverContent": {"inputTranscription": {"text": f" {item.text}"}}})

    def _keep(self, picture: Picture, item_id: str, *, streamed: bool) -> None:
        self._state.record.keep_image(picture.seen.sha256, picture.data, picture.seen.mime)
        self._entry.frames.append(Frame(self._state.record.now(), item_id, picture.seen, streamed=streamed))

    def _name(self) -> str:
        self._names += 1
        return f"item_{self._entry.id}_{self._names}"
