"""Items of a conversation in the JSON of OpenAI's Realtime API, read and written.

Source: OpenAI's API reference, "Realtime", conversation items of `gpt-realtime` (general availability).
"""

import json
from typing import Any

from sandbox.control.entries import ToolCall
from sandbox.llm.calls import Tools, read_tools
from sandbox.llm.pictures import InvalidImage, Picture, Pictures
from sandbox.llm.refusal import Refusal
from sandbox.realtime.conversation import Item

MAX_ID = 32
"""Characters of an id that a client chooses, as the provider's."""
_WORDS = {"input_text", "output_text", "text"}


def read_item(data: dict[str, Any], fallback_id: str, pictures: Pictures) -> tuple[Item, list[Picture]]:
    """An item that a client wants to add, with its pictures.

    Raises:
        Refusal: It is not as it must be.
    """
    item_id = str(data.get("id") or fallback_id)
    if len(item_id) > MAX_ID:
        raise Refusal(400, f"Invalid 'item.id': {len(item_id)} characters, at most {MAX_ID}.", param="item.id")
    kind = data.get("type")
    if kind == "function_call":
        call = ToolCall(str(data["name"]), _arguments(data["arguments"]), str(data["call_id"]))
        return Item(item_id, "function_call", call=call), []
    if kind == "function_call_output":
        call = ToolCall("", id=str(data["call_id"]))
        return Item(item_id, "function_call_output", text=str(data["output"]), call=call), []
    if kind != "message":
        raise Refusal(400, f"Invalid value: {kind!r}.", param="item.type")
    item = Item(item_id, "message", str(data["role"]))
    found: list[Picture] = []
    for place, part in enumerate(data["content"]):
        param = f"item.content[{place}]"
        if part["type"] in _WORDS:
            item.text = f"{item.text}\n{part['text']}".strip()
        elif part["type"] == "input_image":
            found.append(_picture(part, item.role, param, pictures))
            item.urls.append(str(part["image_url"]))
        elif part["type"] in {"output_audio", "input_audio"}:
            item.text = f"{item.text}\n{part.get('transcript') or ''}".strip()
        else:
            raise Refusal(400, f"Invalid value: {part['type']!r}.", param=f"{param}.type")
    item.images = [picture.seen for picture in found]
    return item, found


def write_item(item: Item, status: str = "completed") -> dict[str, Any]:
    """An item as the server tells of it."""
    common = {"id": item.id, "object": "realtime.item", "status": status}
    if item.call is not None and item.kind == "function_call":
        call = {"name": item.call.name, "call_id": item.call.id, "arguments": json.dumps(item.call.arguments)}
        return common | {"type": "function_call"} | call
    if item.call is not None:
        return common | {"type": "function_call_output", "call_id": item.call.id, "output": item.text}
    return common | {"type": "message", "role": item.role, "content": _content(item, status)}


def session_tools(config: dict[str, Any], choice: str) -> Tools:
    """The tools of a session, which are flat there and nested in a completion."""
    tools = [{"type": "function", "function": tool} for tool in config.get("tools") or []]
    return read_tools({"tools": tools, "tool_choice": choice}) if tools else Tools()


def _content(item: Item, status: str) -> list[dict[str, Any]]:
    if item.role == "assistant":
        return [] if status == "in_progress" else [{"type": "output_audio", "transcript": item.text}]
    if item.spoken:
        return [{"type": "input_audio", "transcript": None}]
    words = [{"type": "input_text", "text": item.text}] if item.text else []
    return words + [{"type": "input_image", "image_url": url} for url in item.urls]


def _picture(part: dict[str, Any], role: str, param: str, pictures: Pictures) -> Picture:
    if role != "user":
        raise Refusal(400, f"A message of role {role!r} can't hold an image, only 'user'.", param=param)
    try:
        return pictures.check(str(part["image_url"]), str(part.get("detail") or ""))
    except InvalidImage as error:
        raise Refusal(400, str(error), code="invalid_image_format", param=f"{param}.image_url") from error


def _arguments(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {"unreadable": text}
