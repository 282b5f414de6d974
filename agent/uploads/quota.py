"""How many uploads, and how many bytes of them, are taken at once, a minute and a call."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent.errors import UploadError
from config.uploads import UploadSettings

_MINUTE_S = 60.0
_TOLD_PER_MINUTE = 120
"""Refusals of one sender that are answered; whoever sends more of them gets silence, not an echo for each."""


@dataclass
class _Sender:
    under_way: int = 0
    begun: deque[float] = field(default_factory=deque)
    told: deque[float] = field(default_factory=deque)

    def idle(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting them."""
        return not (self.under_way or _within_a_minute(self.begun, now) or _within_a_minute(self.told, now))


class Quota:
    """Counts the uploads of one call. Nothing waits: what is over a limit is refused.

    Attributes:
        held: Bytes of all uploads under way.
    """

    def __init__(self, settings: UploadSettings, clock: Callable[[], float] = time.monotonic):
        """`clock` gives monotonic seconds."""
        self.held = 0
        self._settings = settings
        self._clock = clock
        self._senders: dict[str, _Sender] = {}
        self._taken = 0

    def begin(self, sender: str) -> None:
        """An upload begins; `end` must follow, unless it is refused here.

        Raises:
            UploadError: `busy` or `rate_limited`.
        """
        now = self._clock()
        self._forget(now)
        known = self._senders.setdefault(sender, _Sender())
        limits = self._settings
        if known.under_way >= limits.max_at_once:
            raise UploadError("busy", f"{known.under_way} of your uploads are under way already, which is the limit.")
        if _within_a_minute(known.begun, now) >= limits.max_per_minute:
            raise UploadError("rate_limited", f"At most {limits.max_per_minute} uploads a minute are taken.")
        known.under_way += 1
        known.begun.append(now)

    def end(self, sender: str) -> None:
        """An upload that had begun is over."""
        self._senders[sender].under_way -= 1

    def take(self) -> None:
        """An upload of somebody who may is complete.

        Raises:
            UploadError: `call_limit`.
        """
        if self._taken >= self._settings.max_per_call:
            raise UploadError("call_limit", f"At most {self._settings.max_per_call} uploads are taken in one call.")
        self._taken += 1

    def hold(self, size: int) -> None:
        """So many more bytes have come; `release` must follow, unless they are refused here.

        Raises:
            UploadError: `busy`.
        """
        if self.held + size > self._settings.max_held_bytes:
            raise UploadError("busy", "Too many bytes are being uploaded at the moment; try again in a while.")
        self.held += size

    def release(self, size: int) -> None:
        """So many bytes are held no more."""
        self.held -= size

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """So many bytes are held for a while.

        Raises:
            UploadError: `busy`.
        """
        self.hold(size)
        try:
            yield
        finally:
            self.release(size)

    def may_tell(self, sender: str) -> bool:
        """Whether one more refusal is to be answered."""
        now = self._clock()
        told = self._senders.setdefault(sender, _Sender()).told
        if _within_a_minute(told, now) >= _TOLD_PER_MINUTE:
            return False
        told.append(now)
        return True

    def _forget(self, now: float) -> None:
        for sender in [sender for sender, known in self._senders.items() if known.idle(now)]:
            del self._senders[sender]


def _within_a_minute(moments: deque[float], now: float) -> int:
    while moments and moments[0] <= now - _MINUTE_S:
        moments.popleft()
    return len(moments)
