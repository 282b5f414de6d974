"""Another agent of our name in the room: of two that serve the same caller, the later one leaves."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from livekit import rtc
from livekit.agents.types import ATTRIBUTE_AGENT_NAME

log = structlog.stdlib.get_logger(__name__)

_METHOD = "agent.serves"
_RETRY_S = 0.2
"""Seconds until one that has only just joined is asked again."""
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class Twin:
    """Finds out whether an agent of our name was here first for our caller.

    An agent that has died stays in the room for some 20 s, and one that hangs for longer. So it is asked: who does not
    answer serves nobody.
    """

    def __init__(
        self,
        room: rtc.Room,
        agent_name: str,
        *,
        serves: Callable[[], str | None],
        withdraw: Callable[[], None],
        patience_s: float = 2.0,
        again_s: float = 5.0,
    ):
        """`serves` gives the caller's identity, or `None` while that is whoever comes first.

        `withdraw` is called if it turns out later that the caller has an agent already. One that lives answers within
        `patience_s` seconds; one that does not is asked again every `again_s`, as long as it is there.
        """
        self._room = room
        self._agent_name = agent_name
        self._serves = serves
        self._withdraw = withdraw
        self._patience_s = patience_s
        self._again_s = again_s
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._silent: set[str] = set()

    async def joined(self) -> bool:
        """The agent is in the room: whether another one serves its caller already. If not, keep looking."""
        self._room.local_participant.register_rpc_method(_METHOD, self._answer)
        self._room.on("participant_connected", self._on_connected)
        if await self._is_second():
            return True
        self._watching = asyncio.create_task(self._watch())
        return False

    def look(self) -> None:
        """The caller is known now."""
        self._changed.set()

    async def aclose(self) -> None:
        """Look no more."""
        self._room.off("participant_connected", self._on_connected)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._again_s if self._silent else None):
                    await self._changed.wait()
            self._changed.clear()
            if await self._is_second():
                self._withdraw()
                return

    async def _is_second(self) -> bool:
        mine = seniority(self._room.local_participant)
        self._silent.clear()
        for other in list(self._room.remote_participants.values()):
            if not is_twin(other, self._agent_name) or seniority(other) > mine:
                continue
            answer = await self._ask(other.identity)
            if answer is None:
                self._silent.add(other.identity)
            elif answer["serves"] == self._serves():
                log.info("call_withdrawn", agent=other.identity)
                return True
        return False

    async def _ask(self, identity: str) -> dict[str, str | None] | None:
        with suppress(TimeoutError, ValueError):
            async with asyncio.timeout(self._patience_s):
                while True:
                    try:
                        answer = await self._room.local_participant.perform_rpc(
                            destination_identity=identity, method=_METHOD, payload="", response_timeout=self._patience_s
                        )
                        return {"serves": json.loads(answer)["serves"]}
                    except rtc.RpcError:
                        await asyncio.sleep(_RETRY_S)
        return None

    async def _answer(self, _: rtc.RpcInvocationData) -> str:
        return json.dumps({"serves": self._serves()})

    def _on_connected(self, participant: rtc.RemoteParticipant) -> None:
        if is_twin(participant, self._agent_name):
            self._changed.set()


def is_twin(participant: rtc.Participant, agent_name: str) -> bool:
    """Whether a participant is an agent of that name."""
    return (
        participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        and participant.attributes.get(ATTRIBUTE_AGENT_NAME, "") == agent_name
    )


def seniority(participant: rtc.Participant) -> tuple[datetime, str]:
    """Orders agents alike for all of them: by when the server let them in, then by identity."""
    return participant.joined_at or _UNKNOWN, participant.identity
