"""Whether an answer is being given or about to come, so that what would cut it off can wait."""

import asyncio
from typing import Final

from livekit.agents import AgentSession, AgentStateChangedEvent, SpeechCreatedEvent, UserStateChangedEvent

_ANSWER_S: Final = 5.0
"""Seconds after which no answer is expected any more: what was heard was a noise, or meant for somebody else."""


class Floor:
    """Follows who speaks in a session. `register` and `aclose`."""

    def __init__(self, session: AgentSession[None]):
        self._session = session
        self._free = asyncio.Event()
        self._quiet = asyncio.Event()
        self._free.set()
        self._quiet.set()
        self._due: asyncio.TimerHandle | None = None

    def register(self) -> None:
        """Follow it, before the session starts."""
        self._session.on("user_state_changed", self._on_user)
        self._session.on("agent_state_changed", self._on_agent)
        self._session.on("speech_created", self._on_speech)

    def aclose(self) -> None:
        """Follow it no more, and keep nobody waiting."""
        self._session.off("user_state_changed", self._on_user)
        self._session.off("agent_state_changed", self._on_agent)
        self._session.off("speech_created", self._on_speech)
        self._answered()
        self._free.set()
        self._quiet.set()

    async def free(self) -> None:
        """Wait until no answer is given or due. While the caller speaks none is."""
        await self._free.wait()

    async def quiet(self) -> None:
        """Wait until nobody speaks, either."""
        await self._quiet.wait()

    def listening(self) -> bool:
        """Whether the caller speaks, or waits for an answer that has not begun."""
        return self._session.user_state == "speaking" or self._due is not None

    def _on_user(self, event: UserStateChangedEvent) -> None:
        if event.old_state == "speaking":
            self._expect()
        else:
            self._answered()
        self._look()

    def _on_speech(self, _: SpeechCreatedEvent) -> None:
        self._expect()
        self._look()

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._answered()
        self._look()

    def _expect(self) -> None:
        self._answered()
        self._due = asyncio.get_running_loop().call_later(_ANSWER_S, self._give_up)

    def _give_up(self) -> None:
        self._due = None
        self._look()

    def _answered(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _look(self) -> None:
        free = self._due is None and self._session.agent_state not in {"thinking", "speaking"}
        for event, holds in ((self._free, free), (self._quiet, free and self._session.user_state != "speaking")):
            event.set() if holds else event.clear()
