"""Who the call is for: the first participant, or the one it was dispatched for, and nobody else ever after."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from livekit import rtc
from livekit.agents import AgentSession, JobContext
from livekit.agents.job import DEFAULT_PARTICIPANT_KINDS

from agent.farewell import end_call

log = structlog.stdlib.get_logger(__name__)

_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class CallerLink:
    """Ties the session to its caller, waits for one who has left, and ends the job when they don't come back.

    Attributes:
        identity: The caller's; `None` until they are there, unless the call was dispatched for them.
        met: Set once the caller is known to be there.
    """

    def __init__(
        self,
        ctx: JobContext,
        session: AgentSession[None],
        *,
        only_for: str | None,
        linger_s: float,
        on_change: Callable[[], None],
    ):
        """`on_change` is told when the caller is linked, for the first time or again."""
        self.identity = only_for
        self.met = asyncio.Event()
        self._ctx = ctx
        self._session = session
        self._linger_s = linger_s
        self._on_change = on_change
        self._joined = False
        self._leaving: asyncio.Task[None] | None = None

    def register(self) -> None:
        """Follow who comes and goes; before the room is joined."""
        self._ctx.room.on("participant_connected", self._on_connected)
        self._ctx.room.on("participant_disconnected", self._on_disconnected)
        self._ctx.room.on("reconnected", self.hear_again)

    def joined(self) -> None:
        """The agent is in the room and its session runs: link whoever is there."""
        self._joined = True
        self._link()

    @property
    def participant(self) -> rtc.RemoteParticipant | None:
        """The caller, while they are here."""
        return self._session.room_io.linked_participant if self._joined else None

    def is_here(self) -> bool:
        """Whether the caller is in the room now."""
        return self.participant is not None

    def hear_again(self) -> None:
        """Subscribe to what the caller says, where it is not.

        While the SDK connects anew it tells of tracks already, and drops what the framework then asks of the server:
        the caller would speak to an agent that is deaf.
        """
        caller = self._ctx.room.remote_participants.get(self.identity or "")
        for publication in () if caller is None else caller.track_publications.values():
            if publication.kind == rtc.TrackKind.KIND_AUDIO and not publication.subscribed:
                publication.set_subscribed(True)

    async def aclose(self) -> None:
        """Stop waiting for a caller who has left."""
        self._ctx.room.off("participant_connected", self._on_connected)
        self._ctx.room.off("participant_disconnected", self._on_disconnected)
        self._ctx.room.off("reconnected", self.hear_again)
        if self._leaving is not None:
            self._leaving.cancel()

    def _on_connected(self, _: rtc.RemoteParticipant) -> None:
        # The session's own handler, which links a caller who returns, comes after this one.
        asyncio.get_running_loop().call_soon(self._link)

    def _link(self) -> None:
        if self._joined and not self.met.is_set():
            # The session may have linked someone: whom its map of participants names first. Or it would a moment later,
            # and until then the caller's first words and uploads had no owner.
            present = [
                participant
                for participant in self._ctx.room.remote_participants.values()
                if participant.kind in DEFAULT_PARTICIPANT_KINDS and self.identity in {None, participant.identity}
            ]
            first = min(present, key=lambda participant: participant.joined_at or _UNKNOWN, default=None)
            if first is not None and first != self.participant:
                self._session.room_io.set_participant(first.identity)
        linked = self.participant
        if linked is None:
            return
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if not self.met.is_set():
            self.identity = linked.identity
            self._ctx.log_context_fields["participant"] = linked.identity
            self.met.set()
            log.info("caller_linked")
        self._on_change()

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self.identity and self._leaving is None:
            log.info("caller_left", linger_s=self._linger_s)
            self._leaving = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        await asyncio.sleep(self._linger_s)
        await end_call(self._ctx, "caller_left")
