"""When something may be said to a live model that would cut off its answer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from livekit.agents import AgentSession

from agent.floor import Floor


@dataclass
class FakeSession:
    """Tells who speaks."""

    agent_state: str = "listening"
    user_state: str = "listening"
    told: dict[str, list[Callable[[Any], None]]] = field(default_factory=lambda: defaultdict(list))

    def on(self, event: str, told: Callable[[Any], None]) -> None:
        """Remember whom to tell."""
        self.told[event].append(told)

    def off(self, event: str, told: Callable[[Any], None]) -> None:
        """Tell them no more."""
        self.told[event].remove(told)

    def tell(self, event: str, **fields: str) -> None:
        """Tell all."""
        for told in self.told[event]:
            told(SimpleNamespace(**fields))

    def agent(self, state: str) -> None:
        """The agent's state changes."""
        self.agent_state = state
        self.tell("agent_state_changed", new_state=state)

    def user(self, old: str, new: str) -> None:
        """The user's state changes."""
        self.user_state = new
        self.tell("user_state_changed", old_state=old, new_state=new)


def floor(session: FakeSession) -> Floor:
    """One that follows that session."""
    made = Floor(cast("AgentSession[None]", session))
    made.register()
    return made


async def is_free(asked: Floor) -> bool:
    """Whether nobody would have to wait."""
    waiting = asyncio.create_task(asked.free())
    await asyncio.sleep(0)
    free = waiting.done()
    waiting.cancel()
    return free


async def test_nobody_is_cut_off() -> None:
    """From the end of a question to the end of its answer."""
    session = FakeSession()
    asked = floor(session)
    assert await is_free(asked)
    session.user("listening", "speaking")
    assert await is_free(asked)
    session.user("speaking", "listening")
    assert not await is_free(asked)
    session.agent("speaking")
    assert not await is_free(asked)
    session.agent("listening")
    assert await is_free(asked)
    asked.aclose()


async def test_interrupted_answer_is_over() -> None:
    """The user speaks on, and no answer is being made."""
    session = FakeSession()
    asked = floor(session)
    session.agent("speaking")
    session.user("listening", "speaking")
    assert not await is_free(asked)
    session.agent("listening")
    assert await is_free(asked)
    asked.aclose()


async def test_answer_that_was_asked_for_is_waited_for() -> None:
    """Before its first word."""
    session = FakeSession()
    asked = floor(session)
    session.tell("speech_created")
    assert not await is_free(asked)
    session.agent("speaking")
    session.agent("listening")
    assert await is_free(asked)
    asked.aclose()


async def test_caller_is_listened_to_until_the_answer_begins() -> None:
    """Till then their words would be lost with the connection."""
    session = FakeSession()
    asked = floor(session)
    assert not asked.listening()
    session.user("listening", "speaking")
    assert asked.listening()
    session.user("speaking", "listening")
    assert asked.listening()
    session.agent("speaking")
    assert not asked.listening()
    asked.aclose()


async def test_end_of_the_call_keeps_nobody_waiting() -> None:
    """And follows the session no more."""
    session = FakeSession()
    asked = floor(session)
    session.user("speaking", "listening")
    asked.aclose()
    assert await is_free(asked)
    assert not any(session.told.values())
