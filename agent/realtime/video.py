"""What a live model sees: pictures paced by who speaks, the oldest taken out again, and a word where there is none."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from agent.realtime.line import Line
from agent.realtime.pacing import NEVER, Pacing
from agent.vision.pictures import why_blind, why_missing
from agent.vision.sight import Sight
from agent.vision.unchanged import still_shown
from agent.vision.view import Blind, Look, View

log = structlog.stdlib.get_logger(__name__)

_PASSING: Final = frozenset({"starting", "late"})
"""Reasons for which nothing is told: the picture is on its way."""
REMINDER_S: Final = 60.0
"""Seconds after which a scene that has not changed is shown again: long conversations lose what is oldest in them."""


class LiveVideo:
    """Sends the newest view as it changes, and tells once why there is none.

    Attributes:
        look: What the model has: the newest view that it was sent, or why it has none.
        unsent: The view of the last moment, where that shows no more than `look`.
        sent_images: Pictures sent so far.
        sent_bytes: Their bytes, as they were sent (base64).
    """

    def __init__(
        self,
        sight: Sight,
        line: Line,
        pacing: Pacing,
        *,
        max_views: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        """The model keeps `max_views` views, of which a line that says why there is none is one."""
        self.look: Look = Blind("starting")
        self.unsent: View | None = None
        self.sent_images = 0
        self.sent_bytes = 0
        self._sight = sight
        self._line = line
        self._pacing = pacing
        self._max_views = max_views
        self._clock = clock
        self._held: deque[str] = deque()
        self._told = ""
        self._shown_at = -NEVER
        self._due = asyncio.Event()
        self._order = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The session runs: begin to send."""
        self._sending = asyncio.create_task(self._send())

    async def aclose(self) -> None:
        """Send no more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def speaking(self, value: bool) -> None:  # noqa: FBT001  # the value itself
        """The caller begins or ceases to speak: look at once."""
        if self._pacing.speaking(value):
            self._due.set()

    async def show_now(self, *, written: bool) -> None:
        """Before a turn is answered: a look that fails must not cost the answer."""
        try:
            await self.refresh(written=written)
        except Exception:
            log.exception("video_not_sent")

    async def refresh(self, *, written: bool = False) -> None:
        """Look now, and send what is new; `written` before a turn is answered that the caller wrote."""
        async with self._order:
            look = await self._sight.look()
            self._pacing.looked(self._clock(), coming=isinstance(look, Blind) and look.reason in _PASSING)
            apart = written and self._line.streams
            if isinstance(look, View):
                await self._see(look, apart=apart)
            elif apart or look.reason not in _PASSING or not self._still_shows(look):
                await self._miss(look, apart=apart)

    def _still(self, view: View) -> bool:
        """Whether the model has a picture already of what is still there, and knows of what is missing."""
        if not isinstance(self.look, View) or still_shown(self.look, view) is None:
            return False
        return why_missing(self.look) == why_missing(view)

    def _still_shows(self, blind: Blind) -> bool:
        """Whether what the model has is of the very source whose next picture is on its way."""
        return isinstance(self.look, View) and {shot.source for shot in self.look.shots} == {blind.source}

    async def _see(self, view: View, *, apart: bool) -> None:
        """`apart` from the stream, of which a written turn may hold nothing."""
        if self._still(view) and not apart and self._clock() < self._shown_at + REMINDER_S:
            self.unsent = view
            return
        if not await self._put(view, apart=apart):
            return
        self.sent_images += len(view.shots)
        self.sent_bytes += sum(len(shot.image.data_url) for shot in view.shots)
        self.look, self.unsent, self._told = view, None, ""

    async def _miss(self, blind: Blind, *, apart: bool) -> None:
        # A stream keeps what was shown: something has to take its place.
        told = "" if blind.reason in _PASSING and not self._line.streams else why_blind(blind)
        if told and (told != self._told or apart) and not await self._put(blind, apart=apart):
            return
        if not told:
            self._clear()
        self.look, self.unsent, self._told = blind, None, told

    def _clear(self) -> None:
        while self._held:
            self._line.take_out(self._held.popleft())

    async def _put(self, look: Look, *, apart: bool) -> bool:
        shown = await self._line.view(look, written=apart)
        if shown is None:
            self.look, self.unsent, self._told = Blind("late"), None, ""
            self._pacing.looked(self._clock(), coming=True)
            return False
        self._held += shown
        self._shown_at = self._clock()
        while len(self._held) > self._max_views:
            self._line.take_out(self._held.popleft())
        return True

    def anew(self) -> None:
        """On a new connection the framework sends the old pictures as if they were new: take them out, and look."""
        self._clear()
        self.look, self.unsent, self._told = Blind("late"), None, ""
        log.info("video_sent_anew")
        self._pacing.again()
        self._due.set()

    async def _send(self) -> None:
        while True:
            self._due.clear()
            left_s = self._pacing.due_in(self._clock())
            if not left_s:
                await self._try()
                continue
            try:
                async with asyncio.timeout(None if left_s == NEVER else left_s):
                    await self._due.wait()
            except TimeoutError:
                pass  # due, unless somebody else has looked meanwhile

    async def _try(self) -> None:
        try:
            await self.refresh()
        except Exception:
            log.exception("video_not_sent")  # the next one may be
            self._pacing.looked(self._clock())


def aged(look: Look, now: float) -> Look:
    """What the model has with its age at a moment, in unix seconds."""
    if isinstance(look, Blind):
        return look
    return View(tuple(replace(shot, age_ms=max(0.0, now - shot.taken_at) * 1000) for shot in look.shots), look.missing)
