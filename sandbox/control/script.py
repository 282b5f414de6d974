"""The exact mode: what the next speaker says, what the model answers, and how long both take."""

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import Any

from sandbox.control.entries import ToolCall
from sandbox.control.orders import BadOrder, only_keys, take_bool, take_int, take_object, take_text

MAX_LINES = 1_000
MAX_ANSWERS = 1_000
UNSCRIPTED = "(unscripted)"


@dataclass(frozen=True)
class Mode:
    """How the providers behave."""

    exact: bool = False
    """Scripted words, numbered answers and a hum, instead of models."""
    llm_first_token_ms: int = 300
    """From the arrival of the request; exact mode only."""
    tts_first_sound_ms: int = 80
    """From the arrival of the text; exact mode only."""

    def changed(self, data: dict[str, Any]) -> "Mode":
        """This mode with what `data` says changed.

        Raises:
            BadOrder: An unknown key or a value of the wrong kind.
        """
        only_keys(data, {"exact", "llm_first_token_ms", "tts_first_sound_ms"})
        return replace(
            self,
            exact=take_bool(data, "exact", self.exact),
            llm_first_token_ms=take_int(data, "llm_first_token_ms", self.llm_first_token_ms, 0, 60_000),
            tts_first_sound_ms=take_int(data, "tts_first_sound_ms", self.tts_first_sound_ms, 0, 60_000),
        )


@dataclass(frozen=True)
class Line:
    """One sentence of the script."""

    hear: str
    """What the next utterance says, whatever it sounds like."""
    answer: str | None = None
    """What the model says to it; None: `Answer <request number>.`"""
    typed: bool = False
    """The sentence will be typed: no utterance stands for it."""
    call: ToolCall | None = None
    """The tool that the model asks for before it answers, where a request offers it."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Line":
        """The line in a JSON object.

        Raises:
            BadOrder: A missing or unknown key or a value of the wrong kind.
        """
        only_keys(data, {"hear", "answer", "typed", "call"})
        answer = None if data.get("answer") is None else take_text(data, "answer")
        call = None if data.get("call") is None else _call(take_object(data, "call"))
        return cls(take_text(data, "hear"), answer, take_bool(data, "typed", default=False), call)


def _call(data: dict[str, Any]) -> ToolCall:
    only_keys(data, {"name", "arguments"})
    return ToolCall(take_text(data, "name"), take_object(data, "arguments") if "arguments" in data else {})


def spoken_part(text: str) -> str:
    """`text` without the lines in square brackets, which a worker adds to what a user said."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if not (line.startswith("[") and line.endswith("]"))).strip()


class Script:
    """Lines still to be heard, first in first out, and answers to what has been heard."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._lines: deque[Line] = deque()
        # Not spent by use: a speculation, its replacement and a retry all ask the same question.
        self._heard: OrderedDict[str, Line] = OrderedDict()

    def add(self, line: Line) -> None:
        """Append a line.

        Raises:
            BadOrder: So many are waiting that something must be wrong.
        """
        if line.typed:
            self._remember(line)
        elif len(self._lines) >= MAX_LINES:
            raise BadOrder(f"{len(self._lines):,} lines are waiting to be heard, at most {MAX_LINES:,}")
        else:
            self._lines.append(line)

    def peek(self) -> str | None:
        """What the next utterance says; None when the script is empty."""
        return self._lines[0].hear if self._lines else None

    def heard(self) -> str | None:
        """What this utterance said; from now on its answer is the one in its line."""
        if not self._lines:
            return None
        line = self._lines.popleft()
        self._remember(line)
        return line.hear

    def answer(self, last_user_text: str, request_id: int) -> str | None:
        """The answer to a scripted sentence; in exact mode to any sentence. None: think for yourself."""
        line = self._heard.get(spoken_part(last_user_text))
        if line or self.mode.exact:
            return (line and line.answer) or f"Answer {request_id}."
        return None

    def call(self, last_user_text: str) -> ToolCall | None:
        """The tool to ask for before a scripted sentence is answered."""
        line = self._heard.get(spoken_part(last_user_text))
        return line.call if line else None

    def clear(self) -> int:
        """Forget lines and answers; the number of lines nobody heard."""
        unheard = len(self._lines)
        self._lines.clear()
        self._heard.clear()
        return unheard

    def _remember(self, line: Line) -> None:
        key = spoken_part(line.hear)
        self._heard.pop(key, None)
        self._heard[key] = line
        while len(self._heard) > MAX_ANSWERS:
            self._heard.popitem(last=False)
