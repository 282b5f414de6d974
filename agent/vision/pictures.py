"""Pictures in messages: how a view, an upload or its absence is put to the model, and what an old one leaves."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from livekit.agents.llm import ChatItem, ChatMessage, ImageContent
from livekit.agents.llm.chat_context import ChatContent

from agent.vision.history import UPLOAD
from agent.vision.sight import Blind, Look, View

Detail = Literal["auto", "low", "high"]

_VIEW = "view"


def upload_message(jpeg_url: str, stream_id: str, *, caption: str, at: float, detail: Detail) -> ChatMessage:
    """An uploaded picture as a user message of its own; `at` is unix seconds."""
    image = ImageContent(
        id=f"{UPLOAD}:{int(at)}:{stream_id}", image=jpeg_url, mime_type="image/jpeg", inference_detail=detail
    )
    words = f"[Picture uploaded by the user] {caption}".rstrip()
    return ChatMessage(role="user", content=[words, image], extra={UPLOAD: stream_id}, created_at=at)


def why_blind(blind: Blind) -> str:
    """One line that tells the model why it can't see, so that it can say so; empty when sight is off."""
    what = {"camera": "camera", "screen": "screen share", None: "camera"}[blind.source]
    absent = "neither camera nor screen" if blind.source is None else "no camera" if what == "camera" else "no screen"
    return {
        "off": "",
        "none": f"[No picture: the user shares {absent}, so you can't see anything now.]",
        "starting": f"[No picture yet: the user's {what} has only just come on.]",
        "muted": f"[No picture: the user's {what} is muted, so you can't see anything now.]",
        "stale": f"[No picture: the user's {what} has sent nothing for a while, so you can't see anything now.]",
        "failed": f"[No picture: the user's {what} can't be read at the moment, so you can't see anything now.]",
        "refused": "",  # told where each picture was: see `in_words`
    }[blind.reason]


def expire(items: Sequence[ChatItem], *, keep_view_of: ChatMessage | None, max_uploads: int) -> None:
    """Replace in place the pictures that no request carries any more by a line of text.

    In place, because the framework's session keeps every message it ever emitted: only an emptied message is free.
    """
    uploads = [item for item in items if isinstance(item, ChatMessage) and UPLOAD in item.extra]
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


def words(message: ChatMessage) -> list[ChatContent]:
    """The message without any view that was attached before."""
    return [c for c in message.content if not (isinstance(c, ImageContent) and c.id.startswith(f"{_VIEW}:"))]


def picture(look: Look, detail: Detail) -> list[ChatContent]:
    """The view as message content; empty when there is none."""
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


def with_look(message: ChatMessage, look: Look, detail: Detail) -> ChatMessage:
    """A copy for one request: the user's words with the view, or with the line that says why there is none."""
    line = [why_blind(look)] if isinstance(look, Blind) and why_blind(look) else []
    return message.model_copy(update={"content": [*words(message), *picture(look, detail), *line]})


def own_message(look: Look, detail: Detail) -> list[ChatItem]:
    """A reply that answers no user message still sees: the view rides in a message of this request alone."""
    content: list[ChatContent] = [*picture(look, detail)]
    if isinstance(look, View):
        content.insert(0, f"[The user's {look.source} now.]")
    elif why_blind(look):
        content.append(why_blind(look))
    return [ChatMessage(role="user", content=content)] if content else []


def images(item: ChatItem) -> int:
    """How many pictures an item carries."""
    return sum(isinstance(content, ImageContent) for content in item.content) if isinstance(item, ChatMessage) else 0


def in_words(item: ChatItem) -> ChatItem:
    """A copy in which each picture is a line that says that it could not be shown."""
    if not isinstance(item, ChatMessage):
        return item
    refused = "[A picture was here, but the model could not take it: you can't see it.]"
    return item.model_copy(update={"content": [refused if isinstance(c, ImageContent) else c for c in item.content]})


def copied(item: ChatItem) -> ChatItem:
    """A copy for one request: a picture that expires later must not vanish while it is still being sent."""
    return item.model_copy(update={"content": list(item.content)}) if isinstance(item, ChatMessage) else item


def _trace(content: ImageContent) -> str:
    kind, at, rest = content.id.split(":", 2)
    when = datetime.fromtimestamp(int(at), UTC).strftime("%H:%M:%S UTC")
    what = f"view of the user's {rest}" if kind == _VIEW else "picture uploaded by the user"
    return f"[{what} at {when}, no longer shown]"
