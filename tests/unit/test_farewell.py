"""How a call is ended in words: what is said, when, and what happens if nothing can be said."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import AgentSession, JobContext

from agent.farewell import Farewell
from agent.phrases import phrases
from config.groups import AgentSettings
from config.phrases import PhraseSettings


class Session:
    """A session that notes what it says."""

    def __init__(self, *, fails: bool = False, hangs: bool = False, busy: bool = False):
        self.said: list[tuple[str, bool]] = []
        self.listening = True
        self.input = SimpleNamespace(set_audio_enabled=self._listen)
        self._fails = fails
        self._hangs = hangs
        self._busy = busy

    def _listen(self, enabled: bool) -> None:  # noqa: FBT001 - LiveKit's signature
        self.listening = enabled

    async def wait_for_idle(self) -> None:
        """As long as somebody speaks."""
        if self._busy:
            await asyncio.Event().wait()

    def interrupt(self, *, force: bool) -> asyncio.Future[None]:
        """Nobody speaks any more."""
        assert force
        return _done()

    def say(self, text: str, *, allow_interruptions: bool = True) -> asyncio.Future[None]:
        """Note it."""
        if self._fails:
            raise RuntimeError("AgentSession isn't running")
        self.said.append((text, allow_interruptions))
        return asyncio.get_running_loop().create_future() if self._hangs else _done()


def _done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


@dataclass
class Job:
    """A job that notes how it ends."""

    others: int = 1
    reasons: list[str] = field(default_factory=list)
    deleted: int = 0
    proc: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(userdata={}))

    @property
    def room(self) -> SimpleNamespace:
        """Its room, with so many others."""
        return SimpleNamespace(remote_participants=dict.fromkeys(range(self.others)))

    def delete_room(self) -> asyncio.Future[None]:
        """Close it."""
        self.deleted += 1
        return _done()

    def shutdown(self, reason: str) -> None:
        """End."""
        self.reasons.append(reason)


SETTINGS = AgentSettings(max_call_s=0)
WORDS = phrases(PhraseSettings(goodbye="Bye.", ending="Soon."), "en")


async def farewell(
    session: Session, job: Job, settings: AgentSettings = SETTINGS, *, heard: bool = True, ordered: bool = True
) -> float:
    """Have a call ended and wait until it has; the seconds it took."""
    loop = asyncio.get_running_loop()
    order: asyncio.Future[str] = loop.create_future()
    ended = Farewell(
        cast("JobContext", job),
        cast("AgentSession[Any]", session),
        settings,
        WORDS,
        heard=lambda: heard,
        floor_s=0.2,
        words_s=0.4,
    )
    begun = loop.time()
    ended.start(order)
    if ordered:
        order.set_result("draining")
    async with asyncio.timeout(5):
        while not job.reasons:  # noqa: ASYNC110 - what is waited for is a plain list
            await asyncio.sleep(0.01)
    await ended.aclose()
    return loop.time() - begun


async def test_goodbye_is_said_to_its_end_and_nothing_is_heard_any_more() -> None:
    """Nobody talks it down, and what is said meanwhile gets no answer."""
    session, job = Session(), Job()
    await farewell(session, job)
    assert session.said == [("Bye.", False)]
    assert not session.listening
    assert job.reasons == ["draining"]
    assert job.deleted == 0  # the caller is there: another agent may come


async def test_nothing_is_said_where_nobody_is_there() -> None:
    """And the empty room ends with the call."""
    session, job = Session(), Job(others=0)
    await farewell(session, job, heard=False)
    assert session.said == []
    assert (job.reasons, job.deleted) == (["draining"], 1)


@pytest.mark.parametrize("session", [Session(fails=True), Session(hangs=True), Session(busy=True)], ids=str)
async def test_call_ends_in_time_whatever_the_session_does(session: Session) -> None:
    """One that has ended, a voice that fails, somebody who never stops talking."""
    job = Job()
    assert await farewell(session, job) < 2
    assert job.reasons == ["draining"]


async def test_long_call_is_warned_and_then_ended() -> None:
    """In this order, with the time between that the settings say."""
    session, job = Session(), Job()
    settings = AgentSettings(max_call_s=0.6, max_call_warning_s=0.4)
    took_s = await farewell(session, job, settings, ordered=False)
    assert session.said == [("Soon.", True), ("Bye.", False)]
    assert job.reasons == ["max_call"]
    assert took_s >= 0.6


async def test_warning_is_left_out_where_none_is_set() -> None:
    """Zero seconds; the goodbye is said all the same."""
    session, job = Session(), Job()
    await farewell(session, job, AgentSettings(max_call_s=0.1, max_call_warning_s=0), ordered=False)
    assert session.said == [("Bye.", False)]
    assert job.reasons == ["max_call"]
