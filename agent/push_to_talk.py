"""Push to talk: the caller says when a turn begins and ends, by remote calls to the agent's participant."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from livekit import rtc
from livekit.agents import AgentSession

from agent.hearing import Hearing
from agent.words import nothing
from config.turn import TurnSettings

log = structlog.stdlib.get_logger(__name__)

NOT_ALLOWED = 403
WRONG_MODE = 405
NO_TURN = 409
"""Codes of the errors that a remote call is answered with."""

_YOUNG_S = 0.5
"""The framework takes words that came so recently for the last ones, whatever was said since."""
_AT_ONCE_S = 0.01


class PushToTalk:
    """Takes `start_turn`, `end_turn` and `cancel_turn` from the caller alone."""

    def __init__(
        self,
        room: rtc.Room,
        session: AgentSession[None],
        turn: TurnSettings,
        *,
        is_caller: Callable[[str], bool],
        on_turn: Callable[[bool], None],
        on_anew: Callable[[], None],
        before_answer: Callable[[], Awaitable[None]] = nothing,
        setting: str = "",
    ):
        """Take remote calls for one session.

        Args:
            room: Where they come from.
            session: Hears the caller.
            turn: The settings.
            is_caller: Tells by a participant's identity.
            on_turn: Is told when a turn begins and when it is over.
            on_anew: Is told when the session begins to listen anew.
            before_answer: Is waited for when a turn is complete, before it is answered.
            setting: How the operator has set turns to end, in words, where that is not `TURN__DETECTION`.
        """
        self._room = room
        self._session = session
        self._turn = turn
        self._is_caller = is_caller
        self._on_turn = on_turn
        self._on_anew = on_anew
        self._before_answer = before_answer
        self._setting = setting or f"TURN__DETECTION is {turn.detection}"
        self._hearing = Hearing(session, turn)
        self._open = False
        # One at a time: what is sent twice, or in a hurry, is taken in the order in which it came.
        self._order = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None

    def close_hearing(self) -> None:
        """Hear nothing until a turn is begun; before the session starts. Without any effect in other modes."""
        if self._turn.detection == "manual":
            self._hearing.register()
            self._room.on("participant_disconnected", self._on_disconnected)

    def register(self) -> None:
        """Take remote calls; once the room is joined."""
        participant = self._room.local_participant
        participant.register_rpc_method("start_turn", self._start)
        participant.register_rpc_method("end_turn", self._end)
        participant.register_rpc_method("cancel_turn", self._cancel)

    async def aclose(self) -> None:
        """Take no more."""
        self._room.off("participant_disconnected", self._on_disconnected)
        self._hearing.aclose()
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)

    async def _start(self, call: rtc.RpcInvocationData) -> str:
        async with self._order:
            self._admit(call)
            if self._open:
                return "already started"
            speech = self._session.current_speech
            if speech is not None and not speech.allow_interruptions:
                raise rtc.RpcError(NO_TURN, "the agent speaks, and may not be interrupted")
            if self._ending is not None:
                # The words of the last turn may still be coming, and would be taken for this one's.
                await asyncio.wait({self._ending})
            self._session.interrupt()
            self._hearing.open()
            self._on_anew()
            self._set_open(True)
            return "started"

    async def _end(self, call: rtc.RpcInvocationData) -> str:
        async with self._order:
            self._admit(call)
            if not self._open:
                raise rtc.RpcError(NO_TURN, "no turn has been started: call start_turn first")
            self._hearing.close()
            self._open = False
            self._ending = asyncio.create_task(self._commit())
            return "ended"

    async def _cancel(self, call: rtc.RpcInvocationData) -> str:
        async with self._order:
            self._admit(call)
            if not self._open:
                return "nothing to cancel"
            self._forget()
            return "cancelled"

    def _admit(self, call: rtc.RpcInvocationData) -> None:
        if not self._is_caller(call.caller_identity):
            raise rtc.RpcError(NOT_ALLOWED, "only the caller of this agent may begin and end turns")
        if self._turn.detection != "manual":
            raise rtc.RpcError(WRONG_MODE, f"{self._setting}: push to talk needs manual")

    async def _commit(self) -> None:
        """Have the turn answered once its last words are there."""
        try:
            pending = self._hearing.words_pending
            if pending and (age_s := self._hearing.words_age_s) < _YOUNG_S:
                await asyncio.sleep(_YOUNG_S - age_s)
            await self._before_answer()
            # Where nothing is on its way the framework would wait for it all the same.
            timeout_s = self._turn.transcript_timeout_s if pending else _AT_ONCE_S
            with suppress(RuntimeError):  # the call is over
                await self._session.commit_user_turn(transcript_timeout=timeout_s)
        finally:
            self._on_turn(False)

    def _forget(self) -> None:
        self._hearing.forget()
        self._on_anew()
        self._set_open(False)

    def _set_open(self, open_: bool) -> None:  # noqa: FBT001  # the value itself
        self._open = open_
        self._on_turn(open_)

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if self._open and self._is_caller(participant.identity):
            log.info("turn_cancelled", reason="the caller left")
            self._forget()
