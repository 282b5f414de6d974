"""Reading and shortening a conversation: what a request answers, and how much of the past it carries."""

from collections.abc import Sequence
from typing import Literal, TypeGuard

from livekit.agents.llm import ChatItem, ChatMessage

UPLOAD = "upload"
"""Key in a message's `extra` that marks an upload; providers are not sent it."""

Kind = Literal["turn", "follow_up", "generated"]


def present_turn(items: Sequence[ChatItem], *, generated_after: str = "") -> tuple[Kind, ChatMessage | None]:
    """What a request over these items answers.

    `turn`: the user message that closes the context. `follow_up`: the same turn after a tool call. `generated`:
    nothing that the user said (a reply on request, an upload to be answered).

    A generated reply may call tools, too: `generated_after` is the id of the item that the newest one followed, and
    what comes after it is not a follow-up of the turn before it, whose view may be minutes old.
    """
    said = [item for item in items if is_said(item)]
    asked = [item for item in said if _is_question(item)]
    if not asked:
        return "generated", None
    if said[-1] is asked[-1]:
        return "turn", asked[-1]
    since = {item.id for item in said[said.index(asked[-1]) + 1 :]}
    follows = said[-1].type == "function_call_output" and generated_after not in since
    return ("follow_up", asked[-1]) if follows else ("generated", None)


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


def _is_spoken(item: ChatItem) -> bool:
    return isinstance(item, ChatMessage) and item.role in {"user", "assistant"}


def is_said(item: ChatItem) -> bool:
    """Whether it is a step of the conversation: words of either side, or a tool's result."""
    return item.type == "function_call_output" or _is_spoken(item)


def _is_question(item: ChatItem) -> TypeGuard[ChatMessage]:
    return isinstance(item, ChatMessage) and item.role == "user" and UPLOAD not in item.extra
