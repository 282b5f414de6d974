"""What each model request is shown, and what the conversation keeps of it."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from livekit.agents.llm import ChatContext, ChatItem, ChatMessage

from agent.uploads.message import uploads_in
from agent.vision.history import BACKGROUND, is_question, open_question, recent
from agent.vision.pictures import (
    attach,
    carries,
    copied,
    expire,
    has_view,
    images,
    in_words,
    own_message,
    told_in_words,
    tool_message,
    with_look,
)
from agent.vision.sight import Sight
from agent.vision.unchanged import still_shown
from agent.vision.view import Blind, Look, Shot, View
from config.vision import Detail

_REPLIES_KEPT = 8
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
        asked: What that message says.
        looks: What its tools brought to light.
        unsent: The view of its moment, where that shows no more than `look`, which an earlier message carries.
        uploads: The keys of the uploads whose pictures it was shown.
        asked_at: Unix seconds at which its newest request began.
    """

    look: Look
    images: int
    question: str | None
    asked: str = ""
    looks: tuple[Shot, ...] = ()
    unsent: View | None = None
    uploads: tuple[str, ...] = ()
    asked_at: float = field(default=0.0, compare=False)


@dataclass
class Memory:
    """Attaches the present view to each request and expires the earlier ones.

    What was shown is kept by the reply that it was shown for: speculations, retries and tool calls each know theirs.
    See `docs/adr/0002-attach-at-the-request.md`.

    Attributes:
        sight: Where views come from.
        detail: How closely the model looks at them, as OpenAI names it.
        max_views: Turns whose view a request carries.
        max_looks: Pictures taken by tools that a request carries.
        max_uploads: Uploads a request carries at most.
        max_turns: User turns a request carries at most.
        skip_unchanged: Whether a view that shows nothing new is left out; needs views that can be compared.
        clock: Unix seconds.
        sent_images: Pictures in all requests so far.
        sent_bytes: Their bytes, as the requests carried them (base64).
    """

    sight: Sight
    detail: Detail = "auto"
    max_views: int = 1
    max_looks: int = 2
    max_uploads: int = 3
    max_turns: int = 50
    skip_unchanged: bool = True
    clock: Callable[[], float] = time.time
    sent_images: int = 0
    sent_bytes: int = 0
    _shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    _found: dict[str, tuple[Shot, ...]] = field(default_factory=dict)
    _over: list[str] = field(default_factory=list)

    async def request(self, history: ChatContext, reply: str) -> ChatContext:
        """The context to send for a request of this reply; `history` keeps the view, and loses the expired ones."""
        asked_at, before = self.clock(), self._shown.get(reply)
        question = open_question(history.items)
        if question is None and before is not None:
            # After a tool call: the answer still belongs to the question, which the tool's result now follows.
            question = next((item for item in history.items if is_question(item) and item.id == before.question), None)
        fresh = self._still_good(before) or await self.sight.look()
        standing = self._standing(history.items, question, fresh)
        look = standing or fresh
        looks = ((before.looks if before else ()) + self._found.pop(reply, ()))[-self.max_looks :]
        if question is not None:
            attach(question, look, self.detail, still=standing is not None)
        room = self.max_views - (standing is None)  # beside this turn's view, unless that is an earlier one
        expire(history.items, keep_views_of=self._kept(history.items, question, room), max_uploads=self.max_uploads)
        items = [with_look(question, look) if item is question else copied(item) for item in history.items]
        if question is None:
            items += own_message(look, self.detail)
        items = recent(items, self.max_turns) + tool_message(looks, self.detail)
        sent = [image for item in items for image in images(item)]
        self.sent_images += len(sent)
        self.sent_bytes += sum(len(str(image.image)) for image in sent)
        unsent = fresh if standing is not None and isinstance(fresh, View) else None
        asked = "" if question is None else question.text_content or ""
        answers = None if question is None else question.id
        uploads = tuple(uploads_in(items))
        self._remember(reply, Shown(look, len(sent), answers, asked, looks, unsent, uploads, asked_at))
        return ChatContext(items)

    def without_pictures(self, request: ChatContext) -> ChatContext:
        """The same request in words alone."""
        return ChatContext([in_words(item) for item in request.items])

    def give_up_pictures(self, history: ChatContext, reply: str) -> None:
        """The reply's request was refused with its pictures, and taken without.

        What would be refused again and again leaves the history: uploads, and what the call began with.
        """
        shown = self._shown.get(reply)
        for item in history.items:
            if is_question(item) and shown is not None and item.id == shown.question:
                attach(item, Blind("refused"), self.detail)  # no trace either: the model never had this view
        expire(history.items, keep_views_of=(), max_uploads=0)
        for item in history.items:
            if isinstance(item, ChatMessage) and BACKGROUND in item.extra:
                item.content = told_in_words(item)
        if shown is not None:
            look = shown.look
            if isinstance(look, View):
                look = Blind("refused", look.shots[0].source, look.waited_ms)
            self._remember(reply, Shown(look, 0, shown.question, asked_at=shown.asked_at))

    def adopt(self, message: ChatMessage, history: Sequence[ChatItem]) -> None:
        """Give a confirmed turn, which `history` does not hold yet, the view of its latest speculative request.

        Should the speculation not be adopted, the next request replaces the view by a fresh one.
        """
        confirmed = {item.id for item in history}
        for shown in reversed(self._shown.values()):
            if shown.question and shown.question not in confirmed and shown.asked == (message.text_content or ""):
                attach(message, shown.look, self.detail, still=shown.unsent is not None)
                return

    def also_show(self, reply: str, shots: Sequence[Shot]) -> bool:
        """Let the reply's next request carry what a tool brought to light; `False` if that would be too many."""
        found = (*self._found.get(reply, ()), *shots)
        if len(found) > self.max_looks:
            return False
        self._found[reply] = found
        return True

    def forget(self, reply: str) -> None:
        """The reply is over: its pictures are held no longer, but for the newest one's, which may still stand."""
        self._found.pop(reply, None)
        if reply in self._shown and reply not in self._over:
            self._over.append(reply)
        seen = [over for over in self._over if isinstance(self._shown[over].look, View)]
        for over in [over for over in self._over if over not in seen[-1:]]:
            self._over.remove(over)
            del self._shown[over]

    def shown_for(self, reply: str) -> Shown | None:
        """What the newest request of a reply was shown."""
        return self._shown.get(reply)

    def _standing(self, items: list[ChatItem], question: ChatMessage | None, fresh: Look) -> View | None:
        """The view that the last picture before the question gives in this request too, if it shows no less."""
        if not self.skip_unchanged or question is None or not isinstance(fresh, View):
            return None
        before = takewhile(lambda item: item is not question, recent(items, self.max_turns))
        last = next((item for item in reversed(list(before)) if has_view(item)), None)
        looks = [shown.look for shown in reversed(self._shown.values()) if isinstance(shown.look, View)]
        earlier = next((look for look in looks if last is not None and carries(last, look)), None)
        return None if earlier is None else still_shown(earlier, fresh)

    def _kept(self, items: Sequence[ChatItem], question: ChatMessage | None, room: int) -> set[str]:
        """The messages whose view stays: this turn's, and as many before it as there is room for."""
        earlier = [item.id for item in items if item is not question and has_view(item)]
        kept = set(earlier[max(0, len(earlier) - room) :])
        return kept if question is None else kept | {question.id}

    def _still_good(self, shown: Shown | None) -> Look | None:
        if shown is not None and isinstance(shown.look, Blind) and shown.look.reason == "refused":
            return shown.look  # a tool's result is no reason to be refused again
        view = None if shown is None else shown.unsent or shown.look
        if not isinstance(view, View):
            return None
        return view if self.clock() - view.taken_at < _REUSE_S else None

    def _remember(self, reply: str, shown: Shown) -> None:
        self._shown[reply] = shown
        self._shown.move_to_end(reply)
        while len(self._shown) > _REPLIES_KEPT:
            dropped, _ = self._shown.popitem(last=False)
            if dropped in self._over:
                self._over.remove(dropped)
