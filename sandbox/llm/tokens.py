"""How many tokens a request costs, and how many of them a prompt cache would have saved."""

import hashlib
import math
from collections import OrderedDict

from sandbox.control.entries import SeenImage, SeenMessage

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
    return MESSAGE_TOKENS + text_tokens(message.text) + sum(image_tokens(image) for image in message.images)


class PromptCache:
    """Knows the beginnings of earlier requests. Drops the oldest."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[str, None] = OrderedDict()

    def count(self, messages: list[SeenMessage]) -> tuple[int, int]:
        """Tokens in this request, and how many of them began an earlier one."""
        total = cached = 0
        prefix = ""
        for message in messages:
            total += message_tokens(message)
            parts = [prefix, message.role, message.text, *(image.sha256 for image in message.images)]
            prefix = hashlib.sha256("\0".join(parts).encode()).hexdigest()
            if prefix in self._prefixes:
                cached = total
            self._prefixes[prefix] = None
            self._prefixes.move_to_end(prefix)
        while len(self._prefixes) > MAX_PREFIXES:
            self._prefixes.popitem(last=False)
        return total, cached // CACHE_STEP * CACHE_STEP if cached >= CACHE_LEAST else 0
