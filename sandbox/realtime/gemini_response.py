"""One answer of a live conversation, spoken on the wire of Gemini's Live API.

Source: Google's "Live API - WebSockets API reference", `BidiGenerateContentServerContent` and `UsageMetadata`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sandbox.control.entries import Entry, ToolCall
from sandbox.control.state import State
from sandbox.llm.tokens import call_tokens
from sandbox.realtime.answer import RATE_HZ, Asked, answer_to, meet, paced, pieces_of
from sandbox.realtime.conversation import Conversation, Item
from sandbox.realtime.gemini_content import plainly
from sandbox.realtime.gemini_setup import Setup
from sandbox.realtime.gemini_wire import as_blob, expired, failed
from sandbox.realtime.socket import Ending, Send
from sandbox.realtime.window import Modality, audio_tokens
from sandbox.tts import pcm


@dataclass
class Response:
    """An answer from its request to its end."""

    state: State
    entry: Entry
    conversation: Conversation
    send: Send
    setup: Setup
    asked: Asked
    expect: Callable[[ToolCall], None]
    """Is told of a call before the client is."""
    prompt: Counter[Modality] = field(default_factory=Counter)
    """What the request costs."""

    async def run(self) -> None:
        """Give the answer; a call may leave its turn open.

        Raises:
            Ending: As ordered, at once or when half of it has been said.
        """
        state, entry = self.state, self.entry
        try:
            await self._give()
        except asyncio.CancelledError:
            state.record.close(entry, "cancelled", "interrupted")
            raise
        except Ending as ending:
            state.record.close(entry, "error", f"{ending.reason}, as ordered")
            raise

    async def _give(self) -> None:
        fault = await meet(self.state, self.entry)
        if fault is not None and fault.kind == "error":
            raise failed(fault.status)
        answer = await answer_to(self.state, self.entry, plainly(self.entry.messages), self.asked)
        if isinstance(answer, ToolCall):
            await self._call(answer)
        else:
            await self._speak(answer, cut=fault is not None and fault.kind == "cut")
            await self._complete("AUDIO")

    async def _call(self, call: ToolCall) -> None:
        self.entry.tool_call, self.entry.completion_tokens = call, call_tokens(call)
        self.conversation.add(Item(f"item_{self.entry.id}", "function_call", call=call))
        self.expect(call)
        written = {"id": call.id, "name": call.name, "args": call.arguments}
        await self.send({"toolCall": {"functionCalls": [written]}})
        self.state.record.first_byte(self.entry)
        if call.name in self.setup.patient:
            await self._complete("TEXT")

    async def _speak(self, text: str, *, cut: bool) -> None:
        """Say it; what could not be said by an interruption is not in the conversation either."""
        item = Item(f"item_{self.entry.id}", "message", "assistant")
        pieces = await pieces_of(self.state, text)
        words = spread(text, len(pieces))
        until = asyncio.get_running_loop().time() + sum(pcm.duration_ms(piece, RATE_HZ) for piece in pieces) / 1000
        said = 0
        async for piece in paced(self.state, self.entry, pieces[: len(pieces) // 2] if cut else pieces):
            if not said:
                self.conversation.add(item)
            item.text = self.entry.reply = f"{item.text}{words[said]}"
            item.audio_s += pcm.duration_ms(piece, RATE_HZ) / 1000
            self.entry.completion_tokens = audio_tokens(item.audio_s)
            if self.setup.tells_said and words[said]:
                await self._tell(outputTranscription={"text": words[said]})
            sound = as_blob(f"audio/pcm;rate={RATE_HZ}", piece)
            await self._tell(modelTurn={"role": "model", "parts": [{"inlineData": sound}]})
            said += 1
        if cut:
            raise expired()
        await self._tell(generationComplete=True)
        # The turn lasts as long as it plays.
        await asyncio.sleep(until - asyncio.get_running_loop().time())

    async def _complete(self, modality: Modality) -> None:
        self.state.record.close(self.entry, "ok")
        said: Counter[Modality] = Counter({modality: self.entry.completion_tokens})
        await self.send({"serverContent": {"turnComplete": True}, "usageMetadata": usage(self.prompt, said)})

    async def _tell(self, **content: Any) -> None:
        await self.send({"serverContent": content})


def spread(text: str, count: int) -> list[str]:
    """A text in so many parts, cut between words: what each piece of its sound says."""
    if not count:
        return []
    words = [word if place == 0 else f" {word}" for place, word in enumerate(text.split(" "))]
    edges = [round(len(words) * place / count) for place in range(count + 1)]
    return ["".join(words[start:end]) for start, end in pairwise(edges)]


def usage(prompt: Counter[Modality], said: Counter[Modality]) -> dict[str, Any]:
    """What a turn cost."""
    asked, told = prompt.total(), said.total()
    return {
        "promptTokenCount": asked,
        "responseTokenCount": told,
        "totalTokenCount": asked + told,
        "promptTokensDetails": _details(prompt),
        "responseTokensDetails": _details(said),
    }


def _details(counted: Counter[Modality]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counted.items() if count]
