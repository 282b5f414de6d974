"""Which of two agents of one name withdraws."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest
from livekit import rtc
from livekit.agents.types import ATTRIBUTE_AGENT_NAME

from agent.twin import Twin, is_twin

AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
PERSON = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD


class Participant:
    """Who is in the room, since when; an agent answers with whom it serves, or fails as it is told."""

    def __init__(
        self,
        identity: str,
        joined_s: int = 0,
        *,
        serves: str | Exception | None = None,
        name: str = "sighted",
        kind: int = AGENT,
    ):
        self.identity = identity
        self.joined_at = datetime.fromtimestamp(joined_s, UTC)
        self.attributes = {ATTRIBUTE_AGENT_NAME: name} if name else {}
        self.kind = kind
        self.serves = serves


class Room:
    """A room with us and others in it."""

    def __init__(self, *others: Participant, joined_s: int = 10):
        self.local_participant = self
        self.identity = "agent-m"
        self.joined_at = datetime.fromtimestamp(joined_s, UTC)
        self.remote_participants = {other.identity: other for other in others}
        self.asked: list[str] = []
        self.handlers: list[Callable[[Participant], None]] = []

    def register_rpc_method(self, method: str, handler: object) -> None:
        """Others may ask us, too."""

    async def perform_rpc(self, *, destination_identity: str, **_: object) -> str:
        """Ask one of them."""
        self.asked.append(destination_identity)
        serves = self.remote_participants[destination_identity].serves
        if isinstance(serves, TimeoutError):
            await asyncio.Event().wait()
        if isinstance(serves, Exception):
            raise serves
        return json.dumps({"serves": serves})

    def on(self, _: str, handler: Callable[[Participant], None]) -> None:
        """Somebody may come."""
        self.handlers.append(handler)

    def off(self, _: str, handler: Callable[[Participant], None]) -> None:
        """Nobody is waited for any more."""
        self.handlers.remove(handler)

    def enter(self, participant: Participant) -> None:
        """Somebody comes."""
        self.remote_participants[participant.identity] = participant
        for handler in self.handlers:
            handler(participant)


def twin_in(room: Room, serves: Callable[[], str | None], withdraw: Callable[[], None] = lambda: None) -> Twin:
    """Ours, in a hurry."""
    return Twin(cast("rtc.Room", room), "sighted", serves=serves, withdraw=withdraw, patience_s=0.3, again_s=0.1)


async def withdraws(room: Room, *, serves: str | None = "alice") -> bool:
    """Whether we do, as we join."""
    twin = twin_in(room, lambda: serves)
    try:
        return await twin.joined()
    finally:
        await twin.aclose()
        assert room.handlers == []


@pytest.mark.parametrize(
    ("other", "mine", "expected"),
    [
        (Participant("agent-a", 5, serves="alice"), "alice", True),
        (Participant("agent-a", 5, serves=None), None, True),
        (Participant("agent-a", 5, serves="bob"), "alice", False),
        (Participant("agent-a", 5, serves="bob"), None, False),
        (Participant("agent-a", 15, serves="alice"), "alice", False),
        (Participant("agent-a", 10, serves="alice"), "alice", True),
        (Participant("agent-z", 10, serves="alice"), "alice", False),
        (Participant("agent-a", 5, serves="alice", name="other"), "alice", False),
        (Participant("agent-a", 5, serves="alice", kind=PERSON), "alice", False),
        (Participant("agent-a", 5, serves=TimeoutError()), "alice", False),
        (Participant("agent-a", 5, serves=rtc.RpcError(1400, "no such method")), "alice", False),
    ],
    ids=[
        "serves our caller",
        "waits for whoever comes, as we do",
        "serves somebody else",
        "serves somebody, and we nobody yet",
        "came later",
        "came at the same moment, and is first by name",
        "came at the same moment, and is last by name",
        "has another name",
        "is no agent",
        "is dead",
        "knows nothing of this",
    ],
)
async def test_later_one_for_the_same_caller_withdraws(other: Participant, mine: str | None, *, expected: bool) -> None:
    """And nobody does for one that is dead, another's or later."""
    assert await withdraws(Room(other), serves=mine) is expected


async def test_one_that_comes_to_life_again_is_found() -> None:
    """One that was silent is asked again, as long as it is there."""
    slow = Participant("agent-a", 5, serves=TimeoutError())
    room = Room(slow)
    withdrawn = asyncio.Event()
    twin = twin_in(room, lambda: "alice", withdrawn.set)
    assert not await twin.joined()
    slow.serves = "alice"
    async with asyncio.timeout(5):
        await withdrawn.wait()
    await twin.aclose()


async def test_one_that_is_announced_late_is_found() -> None:
    """Of two that join at once, neither may see the other at first."""
    room = Room()
    withdrawn = asyncio.Event()
    twin = twin_in(room, lambda: "alice", withdrawn.set)
    assert not await twin.joined()
    room.enter(Participant("agent-a", 5, serves="alice"))
    async with asyncio.timeout(5):
        await withdrawn.wait()
    await twin.aclose()


async def test_caller_who_comes_later_is_asked_about() -> None:
    """The other may have them already."""
    room = Room(Participant("agent-a", 5, serves="alice"))
    caller: list[str] = []
    withdrawn = asyncio.Event()
    twin = twin_in(room, lambda: caller[0] if caller else None, withdrawn.set)
    assert not await twin.joined()
    caller.append("alice")
    twin.look()
    async with asyncio.timeout(5):
        await withdrawn.wait()
    await twin.aclose()


def test_worker_without_a_name_has_twins_too() -> None:
    """Its agents have no such attribute."""
    assert is_twin(cast("rtc.Participant", Participant("agent-a", name="")), "")
    assert not is_twin(cast("rtc.Participant", Participant("agent-a")), "")
