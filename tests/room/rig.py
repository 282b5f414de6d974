"""What a room test talks to: the server, the sandbox that directs and judges, and callers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from livekit import api

from sandbox.caller.caller import Caller
from sandbox.control.client import SandboxClient
from sandbox.stack import AGENT_NAME, Address
from sandbox.turn import Turn, spoken_turn, typed_turn


@dataclass(frozen=True)
class Speech:
    """A spoken question; in exact mode any will do.

    Attributes:
        pcm: s16le, mono.
        sample_rate: Hertz.
    """

    pcm: bytes
    sample_rate: int


@dataclass
class Rig:
    """What a test talks to.

    Attributes:
        address: The LiveKit server.
        sandbox: Directs the stand-ins and asks what they saw.
        speech: A spoken question.
        worker_log: The worker's log file.
    """

    address: Address
    sandbox: SandboxClient
    speech: Speech
    worker_log: Path

    @asynccontextmanager
    async def caller(self, room: str = "", identity: str = "caller") -> AsyncIterator[Caller]:
        """A caller who has joined a room of its own, unless one is named; the room ends with the test."""
        address = self.address
        room = room or f"test-{uuid4().hex[:8]}"
        async with Caller(address.url, address.api_key, address.api_secret, room, identity) as caller:
            await caller.join()
            yield caller
        await self.close(room)

    async def close(self, room: str) -> None:
        """End a room, and with it the agent's call, which would wait for its caller to return."""
        address = self.address
        async with api.LiveKitAPI(address.url, address.api_key, address.api_secret) as client:
            with suppress(api.TwirpError):  # closed by another caller of the same room
                await client.room.delete_room(api.DeleteRoomRequest(room=room))

    async def rooms(self) -> set[str]:
        """The rooms that the server has."""
        address = self.address
        async with api.LiveKitAPI(address.url, address.api_key, address.api_secret) as client:
            return {room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms}

    async def call(self, caller: Caller, metadata: str = "") -> None:
        """Have the agent come."""
        await caller.call(AGENT_NAME, metadata, timeout_s=60)

    async def ask(self, caller: Caller, question: str = "What number do you see?") -> Turn:
        """Ask aloud."""
        return await spoken_turn(caller, self.sandbox, question, self.speech.pcm, self.speech.sample_rate, timeout_s=60)

    async def write(self, caller: Caller, question: str) -> Turn:
        """Ask by chat message."""
        return await typed_turn(caller, self.sandbox, question, timeout_s=60)
