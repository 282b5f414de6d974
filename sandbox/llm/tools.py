"""Whether the stand-in model asks for a tool before it answers, and with what."""

import re
from collections.abc import Collection
from typing import Any

from sandbox.control.entries import ToolCall
from sandbox.llm.brain import about_upload

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_PAST = re.compile(r"\b(before|earlier|previous(ly)?|ago|last time)\b")
_TURNS_AGO = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)}) (question|turn|time|answer|picture)s? (ago|before|earlier|back)\b"
)
_SMALL = re.compile(
    r"\b((small|fine|tiny|little)(er|est)? (print|text|letter(s|ing)?|writing|words?|numbers?|digits?|label)"
    r"|tiny|serial number)\b"
)
_WRITTEN = re.compile(r"\b(read|says?|said|written|writing|text|words?|letters?|labels?|numbers?|digits?|print(ed)?)\b")

# "Right now" and "what is left" name no place: a single word counts with what makes it one.
_CORNER = re.compile(r"\b(top|upper|bottom|lower)[ -](left|right)\b")
_SIDE = re.compile(
    r"\b(?:(?:at|in|on|to|near) (?:the |my |your )?(?:very )?(top|bottom|left|right|middle|cent(?:re|er))"
    r"|(?:the )(top|bottom|left|right)(?:[ -]hand)? (?:side|half|edge|part|end|corner))\b(?! now)"
)
_REGIONS = {"upper": "top", "lower": "bottom", "middle": "center", "centre": "center"}


def choose(question: str, offered: Collection[str], *, must: bool = False) -> ToolCall | None:
    """The tool to call before the question is answered; None: answer from what is there.

    Args:
        question: The user's words.
        offered: Names of the tools that may be called, without those that have been called for this question.
        must: Call one of them in any case.
    """
    text = " ".join(question.lower().split())
    if about_upload(text) and not must:
        # Both tools show what the camera sees or saw.
        return None
    region = region_in(text)
    if "recall" in offered and _PAST.search(text):
        return _call("recall", text)
    if "look" in offered and (_SMALL.search(text) or (region and _WRITTEN.search(text))):
        return _call("look", text)
    return _call(next(iter(offered)), text) if must and offered else None


def region_in(text: str) -> str | None:
    """The part of the picture that a question names, in the words of the tool `look`."""
    if corner := _CORNER.search(text):
        return f"{_REGIONS.get(corner[1], corner[1])} {corner[2]}"
    if side := _SIDE.search(text):
        word = side[1] or side[2]
        return _REGIONS.get(word, word)
    return None


def turns_ago_in(text: str) -> int:
    """How many questions back a question points; 1 where it does not count them."""
    counted = _TURNS_AGO.search(text)
    return max(1, _NUMBERS.get(counted[1], 0) or int(counted[1])) if counted else 1


def _call(name: str, text: str) -> ToolCall:
    arguments: dict[str, dict[str, Any]] = {
        "look": {"region": region_in(text)},
        "recall": {"turns_ago": turns_ago_in(text)},
    }
    return ToolCall(name, arguments.get(name, {}))
