"""Whether the caller spoke and nobody understood: the plain decision. All times are seconds of one clock."""

from dataclasses import dataclass
from typing import Final, Literal

LONG_S: Final = 1.5
"""Speech as long as this without a single word understood is a fault of the listener, even if it says nothing."""
RECENT_S: Final = 10.0
"""Seconds for which a fault before speech is held against the listener: it may have been mended since."""
REPEAT_S: Final = 20.0
"""Seconds in which a listener that says nothing is suspected once: it may be a noise after all."""
DEAF_AFTER: Final = 2
"""Misses in a row after which it is no slip any more."""

Miss = Literal["unheard", "deaf"]


@dataclass
class Ear:
    """Follows speech, transcripts and faults.

    Attributes:
        failed: When listening failed last.
        suspects: Whether the listener should be exchanged: it has said nothing, not even that it failed.
    """

    failed: float | None = None
    suspects: bool = False
    _began: float | None = None
    _ended: float | None = None
    _word: float | None = None
    _suspected: float | None = None
    _misses: int = 0

    def speaking(self, at: float) -> None:
        """The caller begins to speak, or goes on after a pause in which nothing was understood yet."""
        if self._began is None:
            self._began = at
        self._ended = None

    def silent(self, at: float) -> None:
        """The caller has stopped."""
        self._ended = at

    def transcript(self, at: float, *, final: bool) -> None:
        """Something was understood; what is final needs no second look."""
        self._word = at
        if final:
            self._misses = 0
            self._began = at if self._began is not None and self._ended is None else None

    def fault(self, at: float) -> None:
        """The listener failed."""
        self.failed = at

    def forget(self) -> None:
        """What was said is taken back: it was not missed."""
        self._began = self._ended = None

    def missed(self, at: float) -> Miss | None:
        """Asked once what was said should have been understood: whether it was missed. Begins anew."""
        began, ended = self._began, self._ended
        if began is None or ended is None:
            return None
        self._began = self._ended = None
        self.suspects = False
        if self.failed is not None and self.failed > max(began - RECENT_S, min(began, self._word or 0.0)):
            return self._count()  # still failing, or it failed midway and took the words before along
        begun = self._word is not None and self._word > began  # and never finished
        if (begun or ended - began >= LONG_S) and not self._lately(at):
            self._suspected = at
            self.suspects = True
            return self._count()
        return None

    def _lately(self, at: float) -> bool:
        return self._suspected is not None and at - self._suspected < REPEAT_S

    def _count(self) -> Miss:
        self._misses += 1
        return "deaf" if self._misses >= DEAF_AFTER else "unheard"
