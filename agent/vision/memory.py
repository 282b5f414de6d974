"""Which pictures each model request carries, and what earlier ones leave behind."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeGuard

from livekit.agents.llm import ChatContext, ChatItem, ChatMessage, ImageContent
from livekit.agents.llm.chat_context import ChatContent

from agent.vision.sight import Blind, Look, Sight, View

_VIEW = "view"
_UPLOAD = "upload"
_REQUESTS_KEPT = 8
"""Requests whose picture is remembered: enough for a turn's speculations, retries and tool calls."""

Detail = Literal["auto", "low", "high"]
Kind = Literal["turn", "follow_up", "generated"]


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
        generated: What the newest reply without a user turn of its own was shown.
    """

    sight: Sight
    detail: Detail = "auto"
    max_uploads: int = 3
    max_turns: int = 50
    generated: Shown | None = None
    _generated_after: str = ""
    _shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)

    async def request(self, history: ChatContext) -> ChatContext:
        """The context to send for this request; `history` keeps the view, and loses the ones that expired."""
        kind, message = present_turn(history.items, generated_after=self._generated_after)
        known = self._shown.get(message.id) if message is not None else None
        # A retry or a tool call of the same turn: the answer belongs to the moment of the question.
        look = known.look if known is not None else await self.sight.look()
        if message is not None and known is None:
            message.content = _words(message) + _picture(look, self.detail)
        expire(history.items, keep_view_of=message, max_uploads=self.max_uploads)
        items = [_with_look(message, look, self.detail) if item is message else _copied(item) for item in history.items]
        if kind == "generated":
            items += _own_message(look, self.detail)
        items = recent(items, self.max_turns)
        shown = Shown(look, sum(_images(item) for item in items))
        if message is None:
            self.generated = shown
            self._generated_after = next((item.id for item in reversed(history.items) if _is_said(item)), "")
        elif known is None:
            self._remember(message.id, shown)
        return ChatContext(items)

    def adopt(self, message: ChatMessage) -> None:
        """Give a committed turn the view of its latest speculative request.

        Should the speculation not be adopted, the next request replaces the view by a fresh one.
        """
        if self._shown:
            newest = next(reversed(self._shown.values()))
            message.content = _words(message) + _picture(newest.look, self.detail)

    def shown_for(self, message_id: str) -> Shown | None:
        """What the request that answered this user message was shown."""
        return self._shown.get(message_id)

    def _remember(self, message_id: str, shown: Shown) -> None:
        self._shown[message_id] = shown
        while len(self._shown) > _REQUESTS_KEPT:
            self._shown.popitem(last=False)


def present_turn(items: Sequence[ChatItem], *, generated_after: str = "") -> tuple[Kind, ChatMessage | None]:
    """What a request over these items answers.

    `turn`: the user message that closes the context. `follow_up`: the same turn after a tool call. `generated`:
    nothing that the user said (a reply on request, an upload to be answered).

    A generated reply may call tools, too: `generated_after` is the id of the item that the newest one followed, and
    what comes after it is not a follow-up of the turn before it, whose view may be minutes old.
    """
    said = [item for item in items if _is_said(item)]
    asked = [item for item in said if _is_question(item)]
    if not asked:
        return "generated", None
    if said[-1] is asked[-1]:
        return "turn", asked[-1]
    since = {item.id for item in said[said.index(asked[-1]) + 1 :]}
    follows = said[-1].type == "function_call_output" and generated_after not in since
    return ("follow_up", asked[-1]) if follows else ("generated", None)


def expire(items: Sequence[ChatItem], *, keep_view_of: ChatMessage | None, max_uploads: int) -> None:
    """Replace in place the pictures that no request carries any more by a line of text.

    In place, because the framework's session keeps every message it ever emitted: only an emptied message is free.
    """
    uploads = [item for item in items if isinstance(item, ChatMessage) and _UPLOAD in item.extra]
    expired = uploads[: max(0, len(uploads) - max_uploads)]
    for item in items:
        if not isinstance(item, ChatMessage) or item is keep_view_of:
            continue
        item.content = [
            _trace(content)
            if isinstance(content, ImageContent) and (content.id.startswith(f"{_VIEW}:") or item in expired)
            else content
            for content in item.content
        ]


def recent(items: list[ChatItem], max_turns: int) -> list[ChatItem]:
    """Drop the oldest user turns over the limit, in blocks of a quarter of it, so that prompt caches hold between."""
    asked = [index for index, item in enumerate(items) if isinstance(item, ChatMessage) and item.role == "user"]
    block = max(1, max_turns // 4)
    dropped = -(-max(0, len(asked) - max_turns) // block) * block
    if dropped == 0 or dropped >= len(asked):
        return items
    head = [item for item in items[: asked[0]] if not _is_spoken(item)]
    tail = items[asked[dropped] :]
    # A message that came while a tool ran stands between its call and its output: never send the output alone.
    calls = {item.call_id for item in tail if item.type == "function_call"}
    return head + [item for item in tail if item.type != "function_call_output" or item.call_id in calls]


def upload_message(jpeg_url: str, stream_id: str, *, caption: str, at: float, detail: Detail) -> ChatMessage:
    """An uploaded picture as a user message of its own; `at` is unix seconds."""
    image = ImageContent(
        id=f"{_UPLOAD}:{int(at)}:{stream_id}", image=jpeg_url, mime_type="image/jpeg", inference_detail=detail
    )
    words = f"[Picture uploaded by the user] {caption}".rstrip()
    return ChatMessage(role="user", content=[words, image], extra={_UPLOAD: stream_id}, created_at=at)


def why_blind(blind: Blind) -> str:
    """One line that tells the model why it can't see, so that it can say so; empty when sight is off."""
    what = {"camera": "camera", "screen": "screen share", None: "camera"}[blind.source]
    return {
        "off": "",
        "none": "[No picture: the user shares neither camera nor screen, so you can't see them now.]",
        "muted": f"[No picture: the user's {what} is muted, so you can't see anything now.]",
        "stale": f"[No picture: the user's {what} has sent nothing for a while, so you can't see anything now.]",
        "failed": f"[No picture: the user's {what} can't be read at the moment, so you can't see anything now.]",
    }[blind.reason]


def _is_spoken(item: ChatItem) -> bool:
    return isinstance(item, ChatMessage) and item.role in {"user", "assistant"}


def _is_said(item: ChatItem) -> bool:
    return item.type == "function_call_output" or _is_spoken(item)


def _is_question(item: ChatItem) -> TypeGuard[ChatMessage]:
    return isinstance(item, ChatMessage) and item.role == "user" and _UPLOAD not in item.extra


def _words(message: ChatMessage) -> list[ChatContent]:
    """The message without any view that was attached before."""
    return [c for c in message.content if not (isinstance(c, ImageContent) and c.id.startswith(f"{_VIEW}:"))]


def _picture(look: Look, detail: Detail) -> list[ChatContent]:
    if not isinstance(look, View):
        return []
    return [
        ImageContent(
            id=f"{_VIEW}:{int(look.taken_at)}:{look.source}",
            image=look.jpeg.data_url,
            mime_type="image/jpeg",
            inference_detail=detail,
        )
    ]


def _with_look(message: ChatMessage, look: Look, detail: Detail) -> ChatMessage:
    line = [why_blind(look)] if isinstance(look, Blind) and why_blind(look) else []
    return message.model_copy(update={"content": [*_words(message), *_picture(look, detail), *line]})


def _own_message(look: Look, detail: Detail) -> list[ChatItem]:
    """A reply that answers no user message still sees: the view rides in a message of this request alone."""
    content: list[ChatContent] = [*_picture(look, detail)]
    if isinstance(look, View):
        content.insert(0, f"[The user's {look.source} now.]")
    elif why_blind(look):
        content.append(why_blind(look))
    return [ChatMessage(role="user", content=content)] if content else []


def _images(item: ChatItem) -> int:
    return sum(isinstance(content, ImageContent) for content in item.content) if isinstance(item, ChatMessage) else 0


def _copied(item: ChatItem) -> ChatItem:
    # A picture that expires later must not vanish from a request that is still being sent.
    return item.model_copy(update={"content": list(item.content)}) if isinstance(item, ChatMessage) else item


def _trace(content: ImageContent) -> str:
    kind, at, rest = content.id.split(":", 2)
    when = datetime.fromtimestamp(int(at), UTC).strftime("%H:%M:%S UTC")
    what = f"view of the user's {rest}" if kind == _VIEW else "picture uploaded by the user"
    return f"[{what} at {when}, no longer shown]"
