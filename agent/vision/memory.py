"""What each model request is shown, and what the conversation keeps of it."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit.agents.llm import ChatContext, ChatMessage

from agent.vision.history import is_question, open_question, recent
from agent.vision.pictures import Detail, copied, expire, images, in_words, own_message, picture, with_look, words
from agent.vision.sight import Blind, Look, Sight, View

_REPLIES_KEPT = 16
"""Replies whose picture is remembered: enough for a turn's speculations and for what still waits to be spoken."""
_REUSE_S = 30.0
"""A tool call or retry of a reply is shown the reply's own view, unless its first request is longer ago than that."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reply was made from.

    Attributes:
        look: The view, or why there was none.
        images: Pictures in the request, uploads included.
        question: Id of the user message that the reply answers; `None` if it answers none.
    """

    look: Look
    images: int
    question: str | None


@dataclass
class Memory:
    """Attaches the present view to each request and expires the earlier ones.

    What was shown is kept by the reply that it was shown for: speculations, retries and tool calls each know theirs.
    See `docs/adr/0002-attach-at-the-request.md`.

    Attributes:
        sight: Where views come from.
        detail: How closely the model looks at them, as OpenAI names it.
        max_uploads: Uploads a request carries at most.
        max_turns: User turns a request carries at most.
        clock: Unix seconds.
    """

    sight: Sight
    detail: Detail = "auto"
    max_uploads: int = 3
    max_turns: int = 50
    clock: Callable[[], float] = time.time
    _shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    _unconfirmed: Shown | None = None

    async def request(self, history: ChatContext, reply: str) -> ChatContext:
        """The context to send for a request of this reply; `history` keeps the view, and loses the expired ones."""
        before = self._shown.get(reply)
        question = open_question(history.items)
        if question is None and before is not None:
            # After a tool call: the answer still belongs to the question, which the tool's result now follows.
            question = next((item for item in history.items if is_question(item) and item.id == before.question), None)
        look = self._still_good(before) or await self.sight.look()
        if question is not None:
            question.content = words(question) + picture(look, self.detail)
        expire(history.items, keep_view_of=question, max_uploads=self.max_uploads)
        items = [with_look(question, look, self.detail) if item is question else copied(item) for item in history.items]
        if question is None:
            items += own_message(look, self.detail)
        items = recent(items, self.max_turns)
        shown = Shown(look, sum(images(item) for item in items), None if question is None else question.id)
        self._remember(reply, shown)
        return ChatContext(items)

    def without_pictures(self, history: ChatContext, request: ChatContext, reply: str) -> ChatContext:
        """The same request in words alone; uploads leave the history, where they would be refused again and again."""
        for item in history.items:
            if is_question(item):
                item.content = words(item)  # no trace either: the model never had this view
        expire(history.items, keep_view_of=None, max_uploads=0)
        shown = self._shown.get(reply)
        if shown is not None:
            seen = isinstance(shown.look, View)
            look = Blind("refused", shown.look.source, shown.look.waited_ms) if seen else shown.look
            self._remember(reply, Shown(look, 0, shown.question))
        return ChatContext([in_words(item) for item in request.items])

    def adopt(self, message: ChatMessage) -> None:
        """Give a confirmed turn the view of its latest speculative request.

        Should the speculation not be adopted, the next request replaces the view by a fresh one.
        """
        if self._unconfirmed is not None:
            message.content = words(message) + picture(self._unconfirmed.look, self.detail)
            self._unconfirmed = None

    def shown_for(self, reply: str) -> Shown | None:
        """What the newest request of a reply was shown."""
        return self._shown.get(reply)

    def _still_good(self, shown: Shown | None) -> View | None:
        if shown is None or not isinstance(shown.look, View):
            return None
        return shown.look if self.clock() - shown.look.taken_at < _REUSE_S else None

    def _remember(self, reply: str, shown: Shown) -> None:
        self._shown[reply] = shown
        self._unconfirmed = None if shown.question is None else shown
        while len(self._shown) > _REPLIES_KEPT:
            self._shown.popitem(last=False)
