"""A chat completion request, read and checked."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.control.entries import SeenMessage
from sandbox.llm.calls import Tools, check_order, read_calls, read_tools
from sandbox.llm.pictures import InvalidImage, Pictures
from sandbox.llm.refusal import Refusal


@dataclass
class Completion:
    """What was asked, and every image in it."""

    model: str = ""
    stream: bool = False
    include_usage: bool = False
    messages: list[SeenMessage] = field(default_factory=list)
    images: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Bytes and type by SHA-256."""
    tools: Tools = field(default_factory=Tools)
    refusal: Refusal | None = None
    """Why the provider refuses the request; the rest is what could be read."""


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


def digest(message: dict[str, Any]) -> str:
    """SHA-256 of a message as the request carried it, key order and image data included.

    The parsed message is written anew, so white space and escapes don't count: a provider parses requests too, and
    neither its model nor its prompt cache ever meets them. All that can reach those is kept, in its order.
    """
    return hashlib.sha256(json.dumps(message).encode()).hexdigest()


def _fill(completion: Completion, data: dict[str, Any], pictures: Pictures) -> None:
    completion.model = str(data.get("model") or "")
    if not completion.model:
        raise Refusal(400, "you must provide a model parameter")
    completion.stream = bool(data.get("stream"))
    completion.include_usage = bool((data.get("stream_options") or {}).get("include_usage"))
    completion.tools = read_tools(data)
    messages = data["messages"]
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "Invalid 'messages': empty array.", param="messages", code="empty_array")
    for number, message in enumerate(messages):
        _add_message(completion, message, f"messages[{number}]", pictures)
    check_order(completion.messages)


def _add_message(completion: Completion, message: dict[str, Any], param: str, pictures: Pictures) -> None:
    seen = SeenMessage(str(message["role"]), "", sha256=digest(message))
    completion.messages.append(seen)
    if seen.role == "assistant":
        seen.tool_calls = read_calls(message, param)
    if seen.role == "tool":
        seen.tool_call_id = str(message["tool_call_id"])
    content = message.get("content")
    if content is None and not seen.tool_calls:
        raise Refusal(400, "Only a message with 'tool_calls' goes without content.", param=f"{param}.content")
    if content is None or isinstance(content, str):
        seen.text = content or ""
        return
    for place, part in enumerate(content):
        _add_part(completion, seen, part, f"{param}.content[{place}]", pictures)


def _add_part(completion: Completion, seen: SeenMessage, part: dict[str, Any], param: str, pictures: Pictures) -> None:
    kind = part["type"]
    if kind == "text":
        seen.text += part["text"]
    elif kind == "image_url":
        if seen.role != "user":
            raise Refusal(400, f"A message of role {seen.role!r} can't hold an image, only 'user'.", param=param)
        image = part["image_url"]
        if image["url"].startswith("https://"):
            seen.addresses.append(image["url"])
            return
        try:
            picture = pictures.check(image["url"], image.get("detail") or "")
        except InvalidImage as error:
            raise Refusal(400, str(error), code="invalid_image_format", param=f"{param}.image_url") from error
        seen.images.append(picture.seen)
        completion.images[picture.seen.sha256] = (picture.data, picture.seen.mime)
    else:
        raise Refusal(400, f"Invalid value: {kind!r}. Supported: 'text', 'image_url'.", param=f"{param}.type")
