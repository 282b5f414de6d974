"""What a watch may say, and when: the plain decision. All times are monotonic seconds."""

import re
from typing import Final

_NEVER: Final = float("-inf")


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
        """Whether a verdict is worth saying; empty for one that there is nothing to say, after which all is news."""
        if not words:
            self.last = ""
        return bool(words) and _bare(words) != _bare(self.last)

    def said(self, words: str, now: float) -> None:
        """It was said."""
        self.last, self._said_at = words, now


def _bare(words: str) -> str:
    return re.sub(r"\W+", " ", words.casefold()).strip()
