"""The context window of a live conversation: how many tokens it holds, and what goes when they are too many.

Sources: Google's "Understand and count tokens" (a picture is 258 tokens, a second of sound 32), "Gemini 3.8 Live" (the
limit) and "Live API - WebSockets API reference" (`ContextWindowCompressionConfig`, `SlidingWindow`).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.llm.tokens import call_tokens, text_tokens
from sandbox.realtime.conversation import Item

LIMIT = 131_072
PICTURE_TOKENS = 258
AUDIO_TOKENS_PER_S = 32

Modality = Literal["TEXT", "AUDIO", "IMAGE"]


@dataclass(frozen=True)
class Compression:
    """When the oldest turns go, and how far."""

    trigger: int = LIMIT * 8 // 10
    """Tokens above which it happens: without a setting, 80 % of the window,"""
    target: int = LIMIT * 4 // 10
    """and tokens that may be left: half of the trigger."""


def audio_tokens(seconds: float) -> int:
    """What sound costs."""
    return math.ceil(seconds * AUDIO_TOKENS_PER_S)


def tokens_of(item: Item) -> Counter[Modality]:
    """What an item costs, by kind: what was spoken is held as sound, whatever words were made of it."""
    words = 0 if item.audio_s else text_tokens(item.text)
    if item.call is not None:
        words += call_tokens(item.call)
    return Counter({"TEXT": words, "AUDIO": audio_tokens(item.audio_s), "IMAGE": len(item.images) * PICTURE_TOKENS})


def tokens_in(items: Iterable[Item], fixed: int = 0) -> Counter[Modality]:
    """What all of them cost, with the `fixed` tokens of instructions and tools."""
    total: Counter[Modality] = Counter({"TEXT": fixed})
    for item in items:
        total.update(tokens_of(item))
    return total


def place_to_cut(items: Sequence[Item], compression: Compression, fixed: int = 0) -> int:
    """Where what is kept begins: at the start of a user's turn, the first one that is low enough, or the last."""
    left = tokens_in(items, fixed).total()
    if left <= compression.trigger:
        return 0
    cut = 0
    for place, item in enumerate(items):
        if place and _is_user(item) and not _is_user(items[place - 1]):
            cut = place
            if left <= compression.target:
                break
        left -= tokens_of(item).total()
    return cut


def _is_user(item: Item) -> bool:
    return item.kind == "message" and item.role == "user"
