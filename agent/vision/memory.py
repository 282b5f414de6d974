"""What each model request is shown, and what the conversation keeps of it."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit.agents.llm import ChatContext, ChatMessage

from agent.vision.history import is_said, present_turn, recent
from agent.vision.pictures import Detail, copied, expire, images, own_message, picture, with_look, words
from agent.vision.sight import Look, Sight, View

_REQUESTS_KEPT = 8
"""Requests whose picture is remembered: enough for a turn's speculations, retries and tool calls."""
_REUSE_S = 30.0
"""A retry or tool call of a turn is shown the turn's own view, unless the turn is longer ago than that."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one model request was shown.

    Attributes:
        look: The view, or why there was none.
        images: Pictures in the request, uploads included.
    """

    look: Look
    images: int


@dataclass
class Memory:
    """Attaches the present view to each request and expires the earlier ones.

    A view is kept by the id of the user message it answers, since that is all that a speculative reply and the turn
    that adopts it have in common. See `docs/adr/0002-attach-at-the-request.md`.

    Attributes:
        sight: Where views come from.
        detail: How closely the model looks at them, as OpenAI names it.
        max_uploads: Uploads a request carries at most.
        max_turns: User turns a request carries at most.
        clock: Unix seconds.
        generated: What the newest reply without a user turn of its own was shown.
    """

    sight: Sight
    detail: Detail = "auto"
    max_uploads: int = 3
    max_turns: int = 50
    clock: Callable[[], float] = time.time
    generated: Shown | None = None
    _generated_after: str = ""
    _unconfirmed: Shown | None = None
    _shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)

    async def request(self, history: ChatContext) -> ChatContext:
        """The context to send for this request; `history` keeps the view, and loses the ones that expired."""
        kind, message = present_turn(history.items, generated_after=self._generated_after)
        look = self._seen_before(message) or await self.sight.look()
        if message is not None:
            message.content = words(message) + picture(look, self.detail)
        expire(history.items, keep_view_of=message, max_uploads=self.max_uploads)
        items = [with_look(message, look, self.detail) if item is message else copied(item) for item in history.items]
        if kind == "generated":
            items += own_message(look, self.detail)
        items = recent(items, self.max_turns)
        shown = Shown(look, sum(images(item) for item in items))
        if message is not None:
            self._remember(message.id, shown)
        else:
            self.generated = shown
            self._generated_after = next((item.id for item in reversed(history.items) if is_said(item)), "")
        return ChatContext(items)

    def adopt(self, message: ChatMessage) -> None:
        """Give a committed turn the view of its latest speculative request.

        Should the speculation not be adopted, the next request replaces the view by a fresh one.
        """
        if self._unconfirmed is not None:
            message.content = words(message) + picture(self._unconfirmed.look, self.detail)
            self._unconfirmed = None

    def shown_for(self, message_id: str) -> Shown | None:
        """What the request that answered this user message was shown."""
        return self._shown.get(message_id)

    def _seen_before(self, message: ChatMessage | None) -> View | None:
        """The view of an earlier request for the same message: its answer belongs to the moment of the question."""
        known = self._shown.get(message.id) if message is not None else None
        if known is None or not isinstance(known.look, View):
            return None
        return known.look if self.clock() - known.look.taken_at < _REUSE_S else None

    def _remember(self, message_id: str, shown: Shown) -> None:
        self._shown[message_id] = self._unconfirmed = shown
        while len(self._shown) > _REQUESTS_KEPT:
            self._shown.popitem(last=False)
