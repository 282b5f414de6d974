"""Contents of Gemini's Live API: a client's turns as items, and the instructions among them.

Source: Google's "Live API - WebSockets API reference", `BidiGenerateContentClientContent`, and `Content` of the Gemini
API.
"""

import json
import re
from typing import Any

from sandbox.control.entries import SeenMessage, ToolCall
from sandbox.llm.pictures import InvalidImage, Picture, Pictures
from sandbox.realtime.conversation import Item
from sandbox.realtime.gemini_wire import blob, invalid

_ROLES = {"user": "user", "model": "assistant"}
_WRAPPED = re.compile(r"\s*<instructions>\s*(?P<words>.*?)\s*</instructions>\s*", re.DOTALL)
_PLACEHOLDER = "."
"""What a client says for the user who has said nothing."""


def read_turn(data: dict[str, Any], name: str, pictures: Pictures) -> tuple[Item, list[Picture]]:
    """A turn that a client adds, with its pictures.

    Raises:
        Ending: It is not as it must be.
    """
    if data.get("role") not in _ROLES:
        raise invalid("Please use a valid role: user, model.")
    item, found = Item(name, "message", _ROLES[data["role"]]), list[Picture]()
    for part in data.get("parts") or []:
        if "text" in part:
            item.text = f"{item.text}\n{part['text']}".strip()
        elif "inlineData" in part:
            found.append(read_picture(part["inlineData"], pictures))
        else:
            raise invalid()
    item.images = [picture.seen for picture in found]
    return item, found


def read_picture(data: dict[str, Any], pictures: Pictures) -> Picture:
    """The picture in a `Blob`.

    Raises:
        Ending: There is none that could be read.
    """
    try:
        return pictures.check_file(*blob(data))
    except InvalidImage as error:
        raise invalid("Provided image is not valid.") from error


def read_result(data: dict[str, Any], call: ToolCall, name: str) -> Item:
    """What became of a call."""
    response = data.get("response") or {}
    found = next((response[key] for key in ("output", "result", "error") if key in response), response)
    text = found if isinstance(found, str) else json.dumps(found)
    return Item(name, "function_call_output", text=text, call=call)


def instructions_in(turns: list[Item]) -> str:
    """What a message says about the answer that it asks for.

    The field has no place for it, so clients put it into words: marked as such, or as the model's own before a full
    stop of the user's.
    """
    if not turns:
        return ""
    if marked := _WRAPPED.fullmatch(turns[-1].text):
        return marked["words"]
    if len(turns) > 1 and turns[-1].text == _PLACEHOLDER and turns[-2].role == "assistant":
        return turns[-2].text
    return ""


def plainly(messages: list[SeenMessage]) -> list[SeenMessage]:
    """The same as a model understands it: instructions are nobody's question, and a full stop is nothing said."""
    plain: list[SeenMessage] = []
    for message in messages:
        marked = _WRAPPED.fullmatch(message.text) if message.role == "user" else None
        if marked:
            plain.append(SeenMessage("system", marked["words"]))
        elif message.role != "user" or message.images or message.text != _PLACEHOLDER:
            plain.append(message)
    return plain
