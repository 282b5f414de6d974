"""Looks on a timer and speaks when there is something to say, never over anybody."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog
from livekit.agents import AgentSession, APIError

from agent.vision.sight import Sight
from agent.vision.unchanged import still_shown
from agent.vision.view import View
from agent.watch.reports import Reports, Verdict
from agent.words import Say
from config.watch import WatchSettings

log = structlog.stdlib.get_logger(__name__)

LONGEST_REST_S: Final = 60.0
"""Seconds to which the pause grows after looks that failed, where it is not longer anyway."""


class Judging(Protocol):
    """Who tells whether there is something to say."""

    async def ask(self, view: View, before: str) -> Verdict:
        """What the user should hear, if anything; `before` is what was said before."""


class Watcher:
    """One call's watch. `start` and `aclose`."""

    def __init__(
        self,
        session: AgentSession[Any],
        settings: WatchSettings,
        sight: Sight,
        judge: Judging,
        say: Say,
        *,
        heard: Callable[[], bool],
        busy: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`heard` tells whether anybody is there to hear it, `busy` whether they wait for an answer."""
        self._session = session
        self._every_s = settings.every_s
        self._sight = sight
        self._judge = judge
        self._say = say
        self._heard = heard
        self._busy = busy
        self._clock = clock
        self._reports = Reports(settings.cooldown_s)
        self._judged: View | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The call stands."""
        self._watching = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        every_s = self._every_s
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except APIError as error:
                # Without its text, which may quote what was said.
                log.warning("watch_failed", error=type(error).__name__, status=getattr(error, "status_code", None))
                every_s = rested(every_s)
            except Exception:
                log.exception("watch_failed")  # the next look may go well
                every_s = rested(every_s)
            else:
                every_s = self._every_s

    async def look(self) -> None:
        """Look once, and speak if there is something to say."""
        if not self._free() or self._reports.resting(self._clock()):
            return
        view = await self._sight.look()
        if not isinstance(view, View) or (self._judged is not None and still_shown(self._judged, view)):
            return
        verdict = await self._judge.ask(view, self._reports.last)
        if verdict.over:
            self._reports.over()
        if not self._reports.news(verdict.words):
            self._judged = view
        elif self._free() and await self._tell(verdict.words):  # else look again when whoever speaks has finished
            self._judged = view
            self._reports.said(verdict.words, self._clock())
            log.info("watch_reported")

    async def _tell(self, words: str) -> bool:
        """Say it; whether any of it was heard."""
        speech = self._say(self._session, words)
        await speech.wait_for_playout()
        return bool(speech.chat_items)

    def _free(self) -> bool:
        """Whether nobody speaks or is about to, and somebody is there to listen."""
        silent = self._session.user_state != "speaking" and self._session.agent_state == "listening"
        return silent and self._heard() and not self._busy()


def rested(every_s: float) -> float:
    """The next pause after a look that failed: a provider that can't keep up is not helped by more requests."""
    return max(every_s, min(2 * every_s, LONGEST_REST_S))
