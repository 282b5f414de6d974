"""The line to OpenAI's Realtime API: items of a conversation that its server keeps."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from livekit.agents import Agent
from livekit.agents.llm import ChatMessage, ImageContent, RemoteItemAddedEvent

from agent.realtime.line import messages
from agent.vision.view import Look
from config.vision import Detail

log = structlog.stdlib.get_logger(__name__)

_ANSWER_S: Final = 3.0
"""Seconds to wait for the provider's word; while the session connects anew, it comes late or not at all."""
_GONE_KEPT: Final = 64
"""Ids of what was taken out last, which the provider may still confirm."""


class OpenAiLine:
    """Items of OpenAI's Realtime API under ids of our own, so that nothing but what we added is ever removed.

    The plugin's own methods would not do: `push_video` takes frames in full size and forgets their ids, and
    `update_chat_ctx` compares the whole conversation, which is another one by then.
    """

    streams = False
    answers_late = False

    def __init__(self, agent: Agent, detail: Detail):
        """`agent` must be running before anything is shown; the model looks as closely as `detail` says."""
        self._agent = agent
        self._detail = detail
        self._waiting: dict[str, asyncio.Event] = {}
        self._unsure: dict[str, dict[str, Any] | None] = {}
        self._gone: deque[str] = deque(maxlen=_GONE_KEPT)
        self._listened: object = None

    async def view(self, look: Look, *, written: bool) -> Sequence[str] | None:  # noqa: ARG002 - an item is in any turn
        """Add a view as an item."""
        shown = [await self._add(message, stays=False) for message in messages(look, self._detail)]
        if all(item not in self._unsure for item in shown):
            return shown
        for item in shown:  # it would come as if it were new
            self.take_out(item)
        return None

    async def show(self, message: ChatMessage) -> str:
        """Add a message; one that can't be sent now is sent on the next connection."""
        return await self._add(message, stays=True)

    async def aclose(self) -> None:
        """There is nothing under way."""

    async def _add(self, message: ChatMessage, *, stays: bool) -> str:
        """Add an item, in order with the sound that was sent before, and wait until it is there.

        The framework puts what the user writes behind the last item that it knows of: were an older picture deleted
        before the newer one is known, that item might be gone, and the question would be refused.
        """
        item_id = f"sighted-{uuid.uuid4().hex[:20]}"  # the provider takes 32 characters
        content = [_part(each) for each in message.content]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        there = self._waiting[item_id] = asyncio.Event()
        self._listen()
        self._unsure[item_id] = item if stays else None
        self._send({"type": "conversation.item.create", "item": item})
        try:
            async with asyncio.timeout(_ANSWER_S):
                await there.wait()
        except TimeoutError:
            log.info("picture_not_acknowledged")
        finally:
            del self._waiting[item_id]
        return item_id

    def take_out(self, item: str) -> None:
        """Delete it there, and here, where the framework has copied it into the agent's history."""
        self._send({"type": "conversation.item.delete", "item_id": item})
        self._unsure.pop(item, None)
        self._gone.append(item)
        self._forget(item)

    def on_anew(self, told: Callable[[], None]) -> None:
        """Have `told` called when the session has connected anew; what was never confirmed is sent again before."""
        self._session.on("session_reconnected", lambda _: self._remind(told))

    def _remind(self, told: Callable[[], None]) -> None:
        for item in filter(None, self._unsure.values()):
            self._send({"type": "conversation.item.create", "item": item})
        told()

    def _forget(self, item: str) -> None:
        history = self._agent._chat_ctx  # noqa: SLF001 - the public one is a read-only copy
        history.items[:] = [each for each in history.items if each.id != item]

    @property
    def _session(self) -> Any:
        return self._agent.realtime_llm_session

    def _listen(self) -> None:
        if self._listened is not self._session:
            self._listened = self._session
            self._session.on("remote_item_added", self._on_added)

    def _on_added(self, event: RemoteItemAddedEvent) -> None:
        item = event.item.id
        self._unsure.pop(item, None)
        if item in self._waiting:
            self._waiting[item].set()
        if item in self._gone:  # confirmed late, and copied by the framework into the history a moment ago
            self._forget(item)

    def _send(self, event: dict[str, Any]) -> None:
        self._session.send_event(event)


def _part(content: object) -> dict[str, Any]:
    if isinstance(content, ImageContent):
        return {"type": "input_image", "image_url": str(content.image), "detail": content.inference_detail}
    return {"type": "input_text", "text": str(content)}
