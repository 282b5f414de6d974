"""How the worker ends a call that its caller would go on with: in words, and in time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from livekit.agents import AgentSession, JobContext
from livekit.agents.voice.agent_activity import ActivityClosedError

from agent.phrases import Phrases
from agent.words import Say, say_aloud
from config.groups import AgentSettings

log = structlog.stdlib.get_logger(__name__)

ENDING = "ending"
"""Where a job process keeps why its call ends, in `JobProcess.userdata`."""
_TAIL_S = 0.3
"""Seconds until the last sound is heard at the other end, too."""


class Farewell:
    """Says goodbye and ends the job: when the worker is about to stop, or the call has lasted long enough."""

    def __init__(
        self,
        ctx: JobContext,
        session: AgentSession[None],
        settings: AgentSettings,
        phrases: Phrases,
        *,
        heard: Callable[[], bool],
        say: Say = say_aloud,
        floor_s: float = 4.0,
        words_s: float = 8.0,
    ):
        """`heard` tells whether anybody is there to hear it, `say` is how it is said.

        Whoever speaks may finish for `floor_s` seconds; the goodbye may take `words_s`, from its request to its end.
        """
        self._ctx = ctx
        self._session = session
        self._settings = settings
        self._phrases = phrases
        self._heard = heard
        self._speak = say
        self._floor_s = floor_s
        self._words_s = words_s
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, ordered: asyncio.Future[str]) -> None:
        """The call stands: end it when `ordered` is done, with its reason, or when its time is over."""
        self._tasks = [asyncio.create_task(self._when(ordered))]
        if self._settings.max_call_s:
            self._tasks.append(asyncio.create_task(self._limit(ordered)))

    async def aclose(self) -> None:
        """The call ends by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _limit(self, ordered: asyncio.Future[str]) -> None:
        settings = self._settings
        warning_s = min(settings.max_call_warning_s, settings.max_call_s)
        await asyncio.sleep(settings.max_call_s - warning_s)
        if warning_s and self._heard():
            log.info("call_warned", left_s=warning_s)
            with suppress(RuntimeError):  # the session has ended
                self._speak(self._session, self._phrases.ending)
        await asyncio.sleep(warning_s)
        if not ordered.done():
            ordered.set_result("max_call")

    async def _when(self, ordered: asyncio.Future[str]) -> None:
        reason = await asyncio.shield(ordered)
        log.info("farewell", reason=reason)
        if self._heard():
            # A session that has ended meanwhile has nothing more to say, nor has a voice that fails.
            with suppress(RuntimeError, TimeoutError):
                await self._say(self._phrases.goodbye)
        await end_call(self._ctx, reason)

    async def _say(self, sentence: str) -> None:
        with suppress(TimeoutError, ActivityClosedError):
            async with asyncio.timeout(self._floor_s):
                await self._session.wait_for_idle()
        self._session.input.set_audio_enabled(False)  # what is said from now on gets no answer
        async with asyncio.timeout(self._words_s):
            await self._session.interrupt(force=True)
            await self._speak(self._session, sentence, interruptible=False)
            await asyncio.sleep(_TAIL_S)


async def end_call(ctx: JobContext, reason: str) -> None:
    """Leave the room, and close it if nobody else is there.

    A token brings its agent along only when it opens the room: left standing, the room would have none.
    """
    # The server ends the job together with its room, and the framework then has another word for it.
    ctx.proc.userdata[ENDING] = reason
    if not ctx.room.remote_participants:
        await ctx.delete_room()
    ctx.shutdown(reason)
