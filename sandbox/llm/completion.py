"""A chat completion request, read and checked."""

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.control.entries import SeenImage, SeenMessage
from sandbox.control.script import spoken_part
from sandbox.llm.brain import Notes, about_upload
from sandbox.llm.pictures import InvalidImage, Pictures


class Refusal(Exception):  # noqa: N818  # says what it is
    """A request that is answered by an error in the provider's own shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass
class Completion:
    """What was asked, and every image in it."""

    model: str = ""
    stream: bool = False
    include_usage: bool = False
    messages: list[SeenMessage] = field(default_factory=list)
    images: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Bytes and type by SHA-256."""
    refusal: Refusal | None = None
    """Why the provider refuses the request; the rest is what could be read."""


@dataclass(frozen=True)
class Question:
    """What the last user message asks, and the picture it is about."""

    text: str
    picture: SeenImage | None
    notes: Notes


def read(body: bytes, pictures: Pictures) -> Completion:
    """Read a request body; decodes images, so call it in a thread."""
    completion = Completion()
    try:
        _fill(completion, json.loads(body), pictures)
    except Refusal as refusal:
        completion.refusal = refusal
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        completion.refusal = Refusal(400, f"We could not parse the request: {error!r}")
    return completion


def question_of(messages: list[SeenMessage]) -> Question:
    """The question in the last user message, and the picture to answer it from."""
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    if not users:
        return Question("", None, Notes())
    last = messages[users[-1]]
    text = spoken_part(last.text)
    lines = [line.strip() for line in last.text.splitlines()]
    notes = [line[1:-1].strip() for line in lines if line.startswith("[") and line.endswith("]")]
    if about_upload(text):
        earlier = [m for m in messages[: users[-1]] if m.role == "user" and m.images]
        source = earlier[-1] if earlier else last
        if source.images:
            caption = spoken_part(source.text) if source is not last else ""
            return Question(text, source.images[-1], Notes(upload=True, caption=caption))
    if last.images:
        uploaded = any("upload" in note.lower() for note in notes)
        return Question(text, last.images[-1], Notes(upload=uploaded))
    return Question(text, None, Notes(blind_reason=notes[-1] if notes else ""))


def _fill(completion: Completion, data: dict[str, Any], pictures: Pictures) -> None:
    completion.model = str(data.get("model") or "")
    if not completion.model:
        raise Refusal(400, "you must provide a model parameter")
    completion.stream = bool(data.get("stream"))
    completion.include_usage = bool((data.get("stream_options") or {}).get("include_usage"))
    messages = data["messages"]
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "Invalid 'messages': empty array.", param="messages", code="empty_array")
    for number, message in enumerate(messages):
        seen = SeenMessage(str(message["role"]), "")
        completion.messages.append(seen)
        content = message.get("content") or ""
        if isinstance(content, str):
            seen.text = content
            continue
        for place, part in enumerate(content):
            _add_part(completion, seen, part, f"messages[{number}].content[{place}]", pictures)


def _add_part(completion: Completion, seen: SeenMessage, part: dict[str, Any], param: str, pictures: Pictures) -> None:
    kind = part["type"]
    if kind == "text":
        seen.text += part["text"]
    elif kind == "image_url":
        image = part["image_url"]
        try:
            picture = pictures.check(image["url"], image.get("detail") or "")
        except InvalidImage as error:
            raise Refusal(400, str(error), code="invalid_image_format", param=f"{param}.image_url") from error
        seen.images.append(picture.seen)
        completion.images[picture.seen.sha256] = (picture.data, picture.seen.mime)
    else:
        raise Refusal(400, f"Invalid value: {kind!r}. Supported: 'text', 'image_url'.", param=f"{param}.type")
