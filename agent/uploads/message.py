"""Pictures that somebody gave, as messages: uploads, and those that a call begins with."""

from collections.abc import Sequence
from typing import TypeGuard

from livekit.agents.llm import ChatItem, ChatMessage, ImageContent
from livekit.agents.llm.chat_context import ChatContent

from agent.vision.encoded import EncodedImage
from agent.vision.history import BACKGROUND, UPLOAD
from agent.vision.pictures import images, picture_content
from config.vision import Detail


def upload_message(
    image: EncodedImage, key: str, *, by: str = "the user", caption: str, at: float, detail: Detail
) -> ChatMessage:
    """An uploaded picture as a user message of its own.

    Args:
        image: The clean picture.
        key: Names the upload in this call.
        by: Whose it is, such as `the user`.
        caption: The sender's words, possibly empty.
        at: Unix seconds.
        detail: How closely the model looks at it.
    """
    words = f"[Picture uploaded by {by}] {caption}".rstrip()
    picture = picture_content(f"{UPLOAD}:{int(at)}:{key}", image, detail)
    return ChatMessage(role="user", content=[words, picture], extra={UPLOAD: key}, created_at=at)


def uploads_in(items: Sequence[ChatItem]) -> list[str]:
    """The keys of the uploads whose pictures these messages carry."""
    return [str(item.extra[UPLOAD]) for item in items if _is_upload(item) and images(item)]


def background_message(pictures: Sequence[EncodedImage | str], missing: int, detail: Detail) -> ChatMessage | None:
    """What the call begins with: pictures or their addresses, and how many could not be had; `None` for nothing."""
    content: list[ChatContent] = ["[Pictures that belong to your instructions:]"] if pictures else []
    for number, picture in enumerate(pictures):
        name = f"{BACKGROUND}:{number}"
        content.append(
            ImageContent(id=name, image=picture, inference_detail=detail)
            if isinstance(picture, str)
            else picture_content(name, picture, detail)
        )
    if missing:
        content.append(f"[{missing} of the pictures that belong to your instructions could not be loaded.]")
    return ChatMessage(role="user", content=content, extra={BACKGROUND: True}) if content else None


def _is_upload(item: ChatItem) -> TypeGuard[ChatMessage]:
    return isinstance(item, ChatMessage) and UPLOAD in item.extra
