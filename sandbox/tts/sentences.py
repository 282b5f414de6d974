"""Text that arrives in pieces, cut into what can be spoken at once."""

import re
from dataclasses import dataclass

MAX_CHARS = 5_000
"""A piece is spoken at this length even when no sentence has ended."""

_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")


class SentenceBuffer:
    """Collects text until a sentence ends. Not thread-safe; does no I/O."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, text: str, *, flush: bool) -> list[str]:
        """Take more text; the sentences that are complete now, or all of it with `flush`."""
        *whole, self._rest = _END.split(self._rest + text)
        if flush or len(self._rest) > MAX_CHARS:
            whole.append(self._rest)
            self._rest = ""
        return [sentence.strip() for sentence in whole if sentence.strip()]


@dataclass(frozen=True)
class WordTimes:
    """When each word is spoken, in seconds."""

    words: list[str]
    start: list[float]
    end: list[float]


def word_times(text: str, start_s: float, length_s: float) -> WordTimes:
    """When each word of `text` is spoken, estimated by its share of the letters."""
    words = text.split()
    letters = [len(word) + 1 for word in words]
    ends = [start_s + length_s * sum(letters[: index + 1]) / sum(letters) for index in range(len(words))]
    edges = [round(edge, 3) for edge in [start_s, *ends]]
    return WordTimes(words, edges[:-1], edges[1:])
