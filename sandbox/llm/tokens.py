"""How many tokens a request costs, and how many of them a prompt cache would have saved."""

import hashlib
import json
import math
from collections import OrderedDict

from sandbox.control.entries import SeenImage, SeenMessage, ToolCall

CHARS_PER_TOKEN = 4
MESSAGE_TOKENS = 4
CACHE_STEP = 128
"""Providers cache prefixes in steps of this many tokens,"""
CACHE_LEAST = 1_024
"""and none that are shorter than this."""
MAX_PREFIXES = 20_000


def text_tokens(text: str) -> int:
    """A fair estimate for English."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def image_tokens(image: SeenImage) -> int:
    """What an image costs by the published rule: 85, and 170 for each 512 px tile unless detail is low."""
    if image.detail == "low" or not image.width or not image.height:
        return 85
    scale = min(1, 2_048 / max(image.width, image.height))
    scale *= min(1, 768 / (scale * min(image.width, image.height)))
    tiles = math.ceil(image.width * scale / 512) * math.ceil(image.height * scale / 512)
    return 85 + 170 * tiles


def message_tokens(message: SeenMessage) -> int:
    """Everything in one message."""
    images = sum(image_tokens(image) for image in message.images)
    calls = sum(call_tokens(call) for call in message.tool_calls)
    return MESSAGE_TOKENS + text_tokens(message.text) + images + calls


def call_tokens(call: ToolCall) -> int:
    """A tool's name and its arguments."""
    return text_tokens(call.name) + text_tokens(json.dumps(call.arguments))


class PromptCache:
    """Knows the beginnings of earlier requests. Drops the oldest."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[str, None] = OrderedDict()

    def count(self, messages: list[SeenMessage], tools: str = "") -> tuple[int, int]:
        """Tokens in this request, and how many of them began an earlier one.

        Args:
            messages: With their digests: a message counts as repeated only where nothing in it changed.
            tools: The JSON of the tools. A provider puts them before the first message, so other tools save nothing.
        """
        total, cached = text_tokens(tools), 0
        prefix = tools
        for message in messages:
            total += message_tokens(message)
            prefix = hashlib.sha256(f"{prefix}\0{message.sha256}".encode()).hexdigest()
            if prefix in self._prefixes:
                cached = total
            self._prefixes[prefix] = None
            self._prefixes.move_to_end(prefix)
        while len(self._prefixes) > MAX_PREFIXES:
            self._prefixes.popitem(last=False)
        return total, cached // CACHE_STEP * CACHE_STEP if cached >= CACHE_LEAST else 0
