"""Pictures in messages: how a view or its absence is put to the model, and what an old one leaves."""

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import TypeGuard

from livekit.agents.llm import ChatItem, ChatMessage, ImageContent
from livekit.agents.llm.chat_context import ChatContent

from agent.vision.encoded import EncodedImage
from agent.vision.history import UPLOAD
from agent.vision.track import BlindReason
from agent.vision.view import Blind, Look, Shot, View
from config.vision import Detail

_VIEW = "view"
_STILL = "still"
"""Key in a message's `extra`: the line that refers to an earlier picture. Not in its content, which has to be what the
user said: the framework discards a speculation whose words are not those that were heard."""
_WHY: dict[BlindReason, str] = {
    "muted": "is muted",
    "starting": "has only just come on",
    "late": "did not answer in time",
    "stale": "has sent nothing for a while",
    "failed": "can't be read at the moment",
}


def why_blind(blind: Blind) -> str:
    """One line that tells the model why it can't see, so that it can say so; empty when there is nothing to tell."""
    reason = reason_of(blind)
    if blind.reason == "starting":
        # Its picture is on the way: a model that is told that it can't see says so to the user.
        return f"[No picture yet: {reason}.]"
    return f"[No picture: {reason}, so you can't see anything now.]" if reason else ""


def why_missing(view: View) -> list[str]:
    """One line for each source that is shared, but can't be seen."""
    return [f"[No picture from the user's {_name(blind)}: it {_WHY[blind.reason]}.]" for blind in view.missing]


def reason_of(blind: Blind) -> str:
    """Why there is no picture, in a clause; empty when sight is off, or where `in_words` tells of each picture."""
    if blind.reason == "none":
        absent = {None: "neither camera nor screen", "camera": "no camera", "screen": "no screen"}[blind.source]
        return f"the user shares {absent}"
    return f"the user's {_name(blind)} {_WHY[blind.reason]}" if blind.reason in _WHY else ""


def expire(items: Sequence[ChatItem], *, keep_views_of: Container[str], max_uploads: int) -> None:
    """Replace in place the pictures that no request carries any more by a line of text; messages are kept by id.

    In place, because the framework's session keeps every message it ever emitted: only an emptied message is free.
    """
    uploads = [item for item in items if isinstance(item, ChatMessage) and UPLOAD in item.extra]
    expired = uploads[: max(0, len(uploads) - max_uploads)]
    for item in items:
        if isinstance(item, ChatMessage) and item.id not in keep_views_of:
            item.content = [
                _trace(content)
                if isinstance(content, ImageContent) and (_is_view(content) or item in expired)
                else content
                for content in item.content
            ]


def has_view(item: ChatItem) -> bool:
    """Whether it carries the view of its turn."""
    return isinstance(item, ChatMessage) and any(_is_view(content) for content in item.content)


def carries(item: ChatItem, view: View) -> bool:
    """Whether it carries this very view."""
    carried = [content.image for content in images(item) if _is_view(content)]
    return carried == [shot.image.data_url for shot in view.shots]


def attach(message: ChatMessage, look: Look, detail: Detail, *, still: bool = False) -> None:
    """Give a message its view, in place of any that it had: pictures, or `still` those of an earlier message."""
    message.content = words(message) + ([] if still else pictures(look, detail))
    message.extra.pop(_STILL, None)
    if still and isinstance(look, View):
        message.extra[_STILL] = _reference(look)


def words(message: ChatMessage) -> list[ChatContent]:
    """The message without any view that was attached before."""
    return [content for content in message.content if not _is_view(content)]


def pictures(look: Look, detail: Detail) -> list[ChatContent]:
    """The view as message content; empty when there is none."""
    shots = look.shots if isinstance(look, View) else ()
    return [picture_content(f"{_VIEW}:{int(shot.taken_at)}:{shot.source}", shot.image, detail) for shot in shots]


def with_look(message: ChatMessage, look: Look) -> ChatMessage:
    """A copy for one request of a message that has its view: with the lines that say what can't be seen, and why."""
    return message.model_copy(update={"content": [*_told(message), *_lines(look)]})


def own_message(look: Look, detail: Detail) -> list[ChatItem]:
    """A reply that answers no user message still sees: the view rides in a message of this request alone."""
    content = _labelled(pictures(look, detail)) + _lines(look)
    if isinstance(look, View) and len(look.shots) == 1:
        content.insert(0, f"[The user's {look.source} now.]")
    return [ChatMessage(role="user", content=content)] if content else []


def tool_message(shots: Sequence[Shot], detail: Detail) -> list[ChatItem]:
    """What tools brought to light rides in a message of its own: a tool's result is text alone."""
    content: list[ChatContent] = []
    for shot in shots:
        part = f", {shot.part}, in full resolution" if shot.part else ""
        seen = f"[The user's {shot.source}{part}, at {time_of_day(shot.taken_at)}.]"
        content += [seen, picture_content(f"{_VIEW}:tool", shot.image, detail)]
    return [ChatMessage(role="user", content=content)] if content else []


def time_of_day(at: float) -> str:
    """When something was, in a line that stays; `at` is unix seconds."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%H:%M:%S UTC")


def images(item: ChatItem) -> list[ImageContent]:
    """The pictures that an item carries."""
    return [c for c in item.content if isinstance(c, ImageContent)] if isinstance(item, ChatMessage) else []


def in_words(item: ChatItem) -> ChatItem:
    """A copy in which each picture is a line that says that it could not be shown."""
    return item.model_copy(update={"content": told_in_words(item)}) if isinstance(item, ChatMessage) else item


def told_in_words(message: ChatMessage) -> list[ChatContent]:
    """A message's content without its pictures, each of which leaves a line."""
    refused = "[A picture was here, but the model could not take it: you can't see it.]"
    return [refused if isinstance(one, ImageContent) else one for one in message.content]


def copied(item: ChatItem) -> ChatItem:
    """A copy for one request: a picture that expires later must not vanish while it is still being sent."""
    return item.model_copy(update={"content": _told(item)}) if isinstance(item, ChatMessage) else item


def _told(message: ChatMessage) -> list[ChatContent]:
    """What every request is told of a message."""
    line = message.extra.get(_STILL)
    return _labelled(message.content) + ([str(line)] if line else [])


def _reference(view: View) -> str:
    if len(view.shots) == 1:
        return f"[The user's {view.source} still shows what is in its last picture above.]"
    sources = " and ".join(shot.source for shot in view.shots)
    return f"[The user's {sources} still show what is in their last pictures above.]"


def _labelled(content: Sequence[ChatContent]) -> list[ChatContent]:
    """Of several pictures in one view each says which it is."""
    if sum(_is_view(one) for one in content) < 2:
        return list(content)
    labelled: list[ChatContent] = []
    for one in content:
        labelled += [f"[The user's {one.id.split(':')[2]}:]", one] if _is_view(one) else [one]
    return labelled


def _lines(look: Look) -> list[ChatContent]:
    if isinstance(look, Blind):
        return [line] if (line := why_blind(look)) else []
    return list(why_missing(look))


def _name(blind: Blind) -> str:
    return "screen share" if blind.source == "screen" else "camera"


def _is_view(content: ChatContent) -> TypeGuard[ImageContent]:
    return isinstance(content, ImageContent) and content.id.startswith(f"{_VIEW}:")


def picture_content(name: str, image: EncodedImage, detail: Detail) -> ImageContent:
    """A picture of a message; `name` says what it is: its kind, when it was taken (unix seconds), and more."""
    return ImageContent(id=name, image=image.data_url, mime_type=image.mime, inference_detail=detail)


def _trace(content: ImageContent) -> str:
    kind, at, rest = content.id.split(":", 2)
    what = f"view of the user's {rest}" if kind == _VIEW else "uploaded picture"
    return f"[{what} at {time_of_day(int(at))}, no longer shown]"
