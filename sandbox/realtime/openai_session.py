"""One session of OpenAI's Realtime API: what the client sends, and what comes of it."""

import asyncio
import base64
import json
from typing import Any

from sandbox.control.entries import Entry, Utterance
from sandbox.control.state import State
from sandbox.llm.refusal import Refusal
from sandbox.realtime.answer import Asked
from sandbox.realtime.conversation import Item
from sandbox.realtime.ear import RATE_HZ, SILENCE_MS, Began, Ear, Turn
from sandbox.realtime.openai_items import session_tools
from sandbox.realtime.openai_keeping import Items
from sandbox.realtime.openai_response import Response, error_event, expired, refuse_second
from sandbox.realtime.socket import Ending, Send, take_go_away
from sandbox.stt.transcribe import transcribe


class Session:
    """A client's session. Everything it starts ends with `aclose`.

    Attributes:
        entry: Its record.
        ended: Set when the provider ends it, as ordered.
    """

    def __init__(self, state: State, entry: Entry, send: Send) -> None:
        """`send` takes each event for the client."""
        self.entry = entry
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._state = state
        self._send_json = send
        self._items = Items(state, entry, send=self._send, name=self._name)
        self._ear = Ear()
        self._events = 0
        self._speaking: str | None = None
        self._active: asyncio.Task[None] | None = None
        self._understanding: set[asyncio.Task[None]] = set()
        self._leaving: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """Tell the client that it may speak."""
        await self._send({"type": "session.created", "session": {"type": "realtime", "object": "realtime.session"}})
        if (left := take_go_away(self._state, self.entry)) is not None:
            self.go_away(left)

    def go_away(self, seconds: float) -> None:
        """Let the session expire: this provider gives no notice."""
        self._leaving = asyncio.get_running_loop().call_later(seconds, self._end, expired("expired, as ordered"))

    async def take(self, data: str | bytes) -> None:
        """Do what an event of the client asks for, or tell it why not."""
        event = json.loads(data)
        try:
            await self._take(event)
        except Refusal as refusal:
            await self._refuse(refusal, event)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            await self._refuse(Refusal(400, f"We could not parse the event: {error!r}"), event)

    async def _take(self, event: dict[str, Any]) -> None:
        actions = {
            "session.update": self._update,
            "input_audio_buffer.append": self._hear,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._items.create,
            "conversation.item.delete": self._items.delete,
            "conversation.item.truncate": self._items.truncate,
            "response.create": self._answer,
            "response.cancel": self._cancel,
        }
        if event["type"] not in actions:
            raise Refusal(400, f"Invalid value: {event['type']!r}.", param="type")
        await actions[event["type"]](event)

    async def aclose(self) -> None:
        """End what is under way."""
        if self._leaving is not None:
            self._leaving.cancel()
        tasks = [*self._understanding, *([self._active] if self._active else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _busy(self) -> bool:
        return self._active is not None and not self._active.done()

    async def _update(self, event: dict[str, Any]) -> None:
        config = self.entry.config
        for key, value in event["session"].items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        detection = self._detection()
        self._ear.manual = detection is None
        if detection is not None:
            self._ear.wait(int(detection.get("silence_duration_ms") or SILENCE_MS))
        await self._send({"type": "session.updated", "session": config})

    def _detection(self) -> dict[str, Any] | None:
        heard = self.entry.config.get("audio", {}).get("input", {})
        detection: dict[str, Any] | None = heard.get("turn_detection", {}) if "turn_detection" in heard else {}
        return detection

    async def _hear(self, event: dict[str, Any]) -> None:
        for heard in self._ear.feed(base64.b64decode(event["audio"])):
            if isinstance(heard, Began):
                self._speaking = self._name("item")
                began = {"audio_start_ms": heard.at_ms, "item_id": self._speaking}
                await self._send({"type": "input_audio_buffer.speech_started", **began})
                if self._busy and (self._detection() or {}).get("interrupt_response", True):
                    await self._interrupt()
            else:
                item_id = self._speaking or self._name("item")
                stopped = {"audio_end_ms": heard.at_ms, "item_id": item_id}
                await self._send({"type": "input_audio_buffer.speech_stopped", **stopped})
                await self._add_turn(item_id, heard)

    async def _clear(self, _: dict[str, Any]) -> None:
        self._ear.clear()
        await self._send({"type": "input_audio_buffer.cleared"})

    async def _commit(self, _: dict[str, Any]) -> None:
        turn = self._ear.commit()
        if turn is None:
            raise Refusal(
                400, "Error committing input audio buffer: too small.", code="input_audio_buffer_commit_empty"
            )
        await self._add_turn(self._name("item"), turn)

    async def _add_turn(self, item_id: str, turn: Turn) -> None:
        item = Item(item_id, "message", "user", spoken=True)
        before = self._items.conversation.add(item)
        await self._send({"type": "input_audio_buffer.committed", "previous_item_id": before, "item_id": item_id})
        await self._items.added(item, before)
        ended = self._state.record.now() - turn.silence_s
        utterance = Utterance(ended - turn.speech_s, ended)
        self.entry.utterances.append(utterance)
        task = asyncio.create_task(self._understand(item, utterance, turn))
        self._understanding.add(task)
        task.add_done_callback(self._understanding.discard)

    async def _understand(self, item: Item, utterance: Utterance, turn: Turn) -> None:
        item.text = utterance.text = await transcribe(self._state, utterance, turn.pcm, RATE_HZ)
        utterance.final = self._state.record.now()
        heard = self.entry.config.get("audio", {}).get("input", {})
        if heard.get("transcription"):
            usage = {"type": "duration", "seconds": turn.speech_s}
            told = {"item_id": item.id, "content_index": 0, "transcript": item.text, "usage": usage}
            await self._send({"type": "conversation.item.input_audio_transcription.completed", **told})
        detection = self._detection()
        if detection is not None and detection.get("create_response", True) and not self._busy:
            self._respond({})

    async def _answer(self, event: dict[str, Any]) -> None:
        if self._busy:
            raise refuse_second()
        self._respond(event.get("response") or {})

    async def _cancel(self, _: dict[str, Any]) -> None:
        if not self._busy:
            raise Refusal(400, "Cancellation failed: no active response found", code="response_cancel_not_active")
        await self._interrupt()

    def _respond(self, asked: dict[str, Any]) -> None:
        config = self.entry.config
        entry = self._state.record.open("llm", model=self.entry.model, vendor="openai")
        instructions = str(asked.get("instructions") or config.get("instructions") or "")
        entry.messages = self._items.conversation.messages(instructions)
        tools = session_tools(asked if asked.get("tools") else config, str(asked.get("tool_choice") or "auto"))
        entry.tools = list(tools.names)
        entry.prompt_tokens, entry.cached_tokens = self._state.prompt_cache.count(entry.messages, tools.definition)
        response = Response(
            f"resp_{entry.id}",
            self._state,
            entry,
            self._items.conversation,
            self._send,
            Asked(
                str(asked.get("instructions") or ""),
                tools.allowed,
                must_call=tools.must_call,
                received=asyncio.get_running_loop().time(),
            ),
            metadata=asked.get("metadata"),
        )
        self._active = asyncio.create_task(self._run(response))

    async def _run(self, response: Response) -> None:
        try:
            await response.run()
        except Ending as ending:
            self._end(ending)
        except ConnectionError:
            self._state.record.close(response.entry, "cancelled", "the client went away")
        finally:
            self._items.count()

    async def _interrupt(self) -> None:
        if self._active is not None:
            self._active.cancel()
            await asyncio.gather(self._active, return_exceptions=True)

    def _end(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)

    def _name(self, kind: str) -> str:
        self._events += 1
        return f"{kind}_{self.entry.id}_{self._events}"

    async def _send(self, event: dict[str, Any]) -> None:
        await self._send_json({"event_id": self._name("event"), **event})

    async def _refuse(self, refusal: Refusal, event: Any) -> None:
        asked = event.get("event_id") if isinstance(event, dict) else None
        await self._send_json(error_event(refusal, asked))
