"""Reading and shortening a conversation: what a request answers, and how much of the past it carries."""

from collections.abc import Sequence
from typing import TypeGuard

from livekit.agents.llm import ChatItem, ChatMessage

UPLOAD = "upload"
"""Key in a message's `extra` that marks an upload; providers are not sent it."""
BACKGROUND = "background"
"""Likewise, of the pictures that a call begins with: they stay, as the instructions do."""


def open_question(items: Sequence[ChatItem]) -> ChatMessage | None:
    """The user message that closes the conversation and waits for an answer.

    `None` for a request that answers nothing the user said: a reply on request, an upload, a tool's result.
    """
    said = [item for item in items if item.type == "function_call_output" or _is_spoken(item)]
    return said[-1] if said and is_question(said[-1]) else None


def recent(items: list[ChatItem], max_turns: int) -> list[ChatItem]:
    """Drop the oldest user turns over the limit, in blocks of a quarter of it, so that prompt caches hold between.

    Uploads are counted apart, by the same limit: many in a row must not push out what was said.
    """
    asked = [index for index, item in enumerate(items) if is_question(item)]
    dropped = _dropped(len(asked), max_turns)
    if 0 < dropped < len(asked):
        head = [item for item in items[: asked[0]] if not _is_spoken(item)]
        tail = items[asked[dropped] :]
        # A message that came while a tool ran stands between its call and its output: never send the output alone.
        calls = {item.call_id for item in tail if item.type == "function_call"}
        items = head + [item for item in tail if item.type != "function_call_output" or item.call_id in calls]
    uploads = [item.id for item in items if _is_spoken(item) and UPLOAD in item.extra]
    forgotten = set(uploads[: _dropped(len(uploads), max_turns)])
    return [item for item in items if item.id not in forgotten] if forgotten else items


def _dropped(count: int, limit: int) -> int:
    block = max(1, limit // 4)
    return -(-max(0, count - limit) // block) * block


def _is_spoken(item: ChatItem) -> TypeGuard[ChatMessage]:
    return isinstance(item, ChatMessage) and item.role in {"user", "assistant"} and BACKGROUND not in item.extra


def is_question(item: ChatItem) -> TypeGuard[ChatMessage]:
    """Whether it is something that the user said or typed."""
    return _is_spoken(item) and item.role == "user" and UPLOAD not in item.extra
