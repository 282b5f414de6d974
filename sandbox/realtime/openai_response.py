"""One answer of a live conversation, spoken on the wire of OpenAI's Realtime API."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.control.entries import Entry, ToolCall
from sandbox.control.state import State
from sandbox.llm.refusal import Refusal
from sandbox.llm.tokens import call_tokens, text_tokens
from sandbox.realtime.answer import Asked, answer_to, meet, paced, pieces_of
from sandbox.realtime.conversation import Conversation, Item
from sandbox.realtime.openai_items import write_item
from sandbox.realtime.socket import Ending, Send


@dataclass
class Response:
    """An answer from its request to its end."""

    id: str
    state: State
    entry: Entry
    conversation: Conversation
    send: Send
    asked: Asked
    metadata: dict[str, Any] | None = None
    _output: list[dict[str, Any]] = field(default_factory=list)

    async def run(self) -> None:
        """Give the answer.

        Raises:
            Ending: As ordered, when half of it has been said.
        """
        state, entry = self.state, self.entry
        await self._tell("response.created", response=self._as_json("in_progress"))
        try:
            fault = await meet(state, entry)
            if fault is not None and fault.kind == "error":
                await self._fail(fault.status)
                return
            answer = await answer_to(state, entry, entry.messages, self.asked)
            if isinstance(answer, ToolCall):
                await self._call(answer)
            else:
                await self._speak(answer, cut=fault is not None and fault.kind == "cut")
        except asyncio.CancelledError:
            state.record.close(entry, "cancelled", "interrupted")
            await self._done("cancelled", {"type": "cancelled", "reason": "turn_detected"})
            return
        await self._done("completed")
        state.record.close(entry, "ok")

    async def _call(self, call: ToolCall) -> None:
        item = Item(f"item_{self.entry.id}", "function_call", call=call)
        self.entry.tool_call, self.entry.completion_tokens = call, call_tokens(call)
        arguments = json.dumps(call.arguments)
        before = self.conversation.add(item)
        named = {"item_id": item.id, "output_index": 0, "call_id": call.id}
        await self._item("response.output_item.added", item, "in_progress")
        await self.send(
            {"type": "conversation.item.added", "previous_item_id": before, "item": write_item(item, "in_progress")}
        )
        await self._tell("response.function_call_arguments.delta", **named, delta=arguments)
        await self._tell("response.function_call_arguments.done", **named, arguments=arguments)
        await self._item("response.output_item.done", item)

    async def _speak(self, text: str, *, cut: bool) -> None:
        item = Item(f"item_{self.entry.id}", "message", "assistant")
        before = self.conversation.add(item)
        named = {"item_id": item.id, "output_index": 0, "content_index": 0}
        await self._item("response.output_item.added", item, "in_progress")
        await self.send(
            {"type": "conversation.item.added", "previous_item_id": before, "item": write_item(item, "in_progress")}
        )
        await self._tell("response.content_part.added", **named, part={"type": "audio", "transcript": ""})
        await self._tell("response.output_audio_transcript.delta", **named, delta=text)
        item.text = self.entry.reply = text
        self.entry.completion_tokens = text_tokens(text)
        pieces = await pieces_of(self.state, text)
        async for piece in paced(self.state, self.entry, pieces[: len(pieces) // 2] if cut else pieces):
            await self._tell("response.output_audio.delta", **named, delta=base64.b64encode(piece).decode())
        if cut:
            self.state.record.close(self.entry, "error", "cut, as ordered")
            raise expired("cut, as ordered")
        await self._tell("response.output_audio.done", **named)
        await self._tell("response.output_audio_transcript.done", **named, transcript=text)
        await self._tell("response.content_part.done", **named, part={"type": "audio", "transcript": text})
        await self._item("response.output_item.done", item)
        await self.send({"type": "conversation.item.done", "previous_item_id": before, "item": write_item(item)})

    async def _fail(self, status: int) -> None:
        limited = status == 429
        code = "rate_limit_exceeded" if limited else "server_error"
        error = {"type": "rate_limit_error" if limited else "server_error", "code": code}
        self.state.record.close(self.entry, "error", f"{code}, as ordered")
        await self._done("failed", {"type": "failed", "error": error})

    async def _done(self, status: str, details: dict[str, Any] | None = None) -> None:
        await self._tell("response.done", response=self._as_json(status, details))

    async def _item(self, event: str, item: Item, status: str = "completed") -> None:
        written = write_item(item, status)
        if status == "completed":
            self._output.append(written)
        await self._tell(event, output_index=0, item=written)

    async def _tell(self, event: str, **fields: Any) -> None:
        named = {} if "response" in fields else {"response_id": self.id}
        await self.send({"type": event, **named, **fields})

    def _as_json(self, status: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        asked, said = self.entry.prompt_tokens, self.entry.completion_tokens
        usage = {
            "total_tokens": asked + said,
            "input_tokens": asked,
            "output_tokens": said,
            "input_token_details": {"cached_tokens": self.entry.cached_tokens, "text_tokens": asked},
            "output_token_details": {"text_tokens": said},
        }
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": self._output,
            "metadata": self.metadata,
            "usage": None if status == "in_progress" else usage,
        }


def refuse_second() -> Refusal:
    """What a client is told that asks for an answer while one is being given."""
    return Refusal(
        400, "Conversation already has an active response in progress.", code="conversation_already_has_active_response"
    )


def expired(reason: str) -> Ending:
    """What ends a session that is over."""
    refusal = Refusal(400, "Your session hit the maximum duration.", code="session_expired")
    return Ending(reason, last=error_event(refusal))


def error_event(refusal: Refusal, event_id: str | None = None) -> dict[str, Any]:
    """What a client is told that asked for something that can't be done."""
    return {"type": "error", "event_id": "event_error", "error": {**refusal.body["error"], "event_id": event_id}}
