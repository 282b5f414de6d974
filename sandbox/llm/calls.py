"""Function tools and their calls, read and checked as the provider checks them."""

import json
import re
from dataclasses import dataclass
from typing import Any

from sandbox.control.entries import SeenMessage, ToolCall
from sandbox.llm.refusal import Refusal

MAX_TOOLS = 128

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Tools:
    """What a request offers."""

    names: tuple[str, ...] = ()
    """Every tool in it."""
    allowed: tuple[str, ...] = ()
    """Those that `tool_choice` leaves."""
    must_call: bool = False
    """Words alone are no answer."""
    definition: str = ""
    """The tools as JSON, in the order of the request: part of what a prompt cache holds."""


def read_tools(data: dict[str, Any]) -> Tools:
    """The tools of a request body.

    Raises:
        Refusal: One is not as it must be, or `tool_choice` names none of them.
    """
    tools, choice = data.get("tools"), data.get("tool_choice")
    if tools is None:
        if choice is not None:
            raise Refusal(400, "'tool_choice' goes with 'tools', which the request has not.", param="tool_choice")
        return Tools()
    if not isinstance(tools, list) or not 1 <= len(tools) <= MAX_TOOLS:
        raise Refusal(400, f"'tools' must be an array of 1 to {MAX_TOOLS} tools.", param="tools")
    names = tuple(_tool_name(tool, f"tools[{place}]") for place, tool in enumerate(tools))
    definition = json.dumps(tools)
    if choice in (None, "auto"):
        return Tools(names, names, definition=definition)
    if choice == "none":
        return Tools(names, definition=definition)
    if choice == "required":
        return Tools(names, names, must_call=True, definition=definition)
    wanted = choice["function"]["name"]
    if wanted not in names:
        raise Refusal(400, f"'tool_choice' names {wanted!r}, 'tools' has {', '.join(names)}.", param="tool_choice")
    return Tools(names, (wanted,), must_call=True, definition=definition)


def read_calls(message: dict[str, Any], param: str) -> list[ToolCall]:
    """The calls in an assistant's message of a request body.

    Raises:
        Refusal: One is of another type, or its arguments are no text.
    """
    return [_call(call, f"{param}.tool_calls[{place}]") for place, call in enumerate(message.get("tool_calls") or [])]


def check_order(messages: list[SeenMessage]) -> None:
    """See that each call is answered right after it, and that nothing is answered that nobody called.

    Raises:
        Refusal: It is otherwise.
    """
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise Refusal(
                    400,
                    f"A message of role 'tool' must answer a call of the message with 'tool_calls' before it, "
                    f"{message.tool_call_id!r} does not.",
                    param=f"messages[{place}].tool_call_id",
                )
            waiting.remove(message.tool_call_id)
            continue
        _refuse_unanswered(waiting, place)
        waiting = {call.id for call in message.tool_calls}
    _refuse_unanswered(waiting, len(messages))


def _refuse_unanswered(waiting: set[str], place: int) -> None:
    if waiting:
        raise Refusal(
            400,
            "Messages of role 'tool' must follow an assistant message with 'tool_calls', one for each id. "
            f"Without an answer: {', '.join(sorted(waiting))}.",
            param=f"messages[{place}].role",
        )


def _tool_name(tool: dict[str, Any], param: str) -> str:
    if tool["type"] != "function":
        raise Refusal(400, f"Invalid value: {tool['type']!r}. Supported: 'function'.", param=f"{param}.type")
    function = tool["function"]
    name = function["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refusal(400, f"{name!r} does not match '{_NAME.pattern}'.", param=f"{param}.function.name")
    if not isinstance(function.get("parameters", {}), dict):
        raise Refusal(400, "The parameters must be a JSON schema.", param=f"{param}.function.parameters")
    return name


def _call(call: dict[str, Any], param: str) -> ToolCall:
    if call["type"] != "function":
        raise Refusal(400, f"Invalid value: {call['type']!r}. Supported: 'function'.", param=f"{param}.type")
    arguments = call["function"]["arguments"]
    if not isinstance(arguments, str):
        raise Refusal(400, "The arguments must be a string of JSON.", param=f"{param}.function.arguments")
    return ToolCall(str(call["function"]["name"]), _read(arguments), str(call["id"]))


def _read(arguments: str) -> dict[str, Any]:
    try:
        data = json.loads(arguments)
    except ValueError:
        data = None
    # A model may write nonsense, and its provider sends it back and forth as it is.
    return data if isinstance(data, dict) else {"unreadable": arguments}
