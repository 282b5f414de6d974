"""What a watch may say, and when: the plain decision. All times are monotonic seconds."""

import re
from dataclasses import dataclass
from typing import Final

_NEVER: Final = float("-inf")


@dataclass(frozen=True)
class Verdict:
    """What a look came to.

    Attributes:
        words: What the user should hear; empty for nothing.
        over: Whether what was said last has ceased to hold.
    """

    words: str = ""
    over: bool = False


class Reports:
    """Nothing twice, and nothing during the cooldown.

    Attributes:
        last: What was said last; empty once its condition has ceased to hold.
    """

    def __init__(self, cooldown_s: float):
        """`cooldown_s` seconds after a report nothing is looked at."""
        self.last = ""
        self._cooldown_s = cooldown_s
        self._said_at = _NEVER

    def resting(self, now: float) -> bool:
        """Whether the cooldown lasts."""
        return now - self._said_at < self._cooldown_s

    def news(self, words: str) -> bool:
        """Whether a verdict is worth saying; empty words are not."""
        return bool(words) and _bare(words) != _bare(self.last)

    def over(self) -> None:
        """What was said last has ceased to hold: when it holds again, that is news."""
        self.last = ""

    def said(self, words: str, now: float) -> None:
        """It was said."""
        self.last, self._said_at = words, now


def _bare(words: str) -> str:
    return re.sub(r"\W+", " ", words.casefold()).strip()
