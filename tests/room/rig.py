"""What a room test talks to: the server, the sandbox that directs and judges, and callers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from livekit import api

from sandbox.caller.caller import Caller
from sandbox.caller.journal import UploadStatus, VisionStatus
from sandbox.control.client import SandboxClient
from sandbox.process import Service
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
        agent_name: What the worker is registered under.
        worker: Its process, where a test has one of its own.
    """

    address: Address
    sandbox: SandboxClient
    speech: Speech
    worker_log: Path
    agent_name: str = AGENT_NAME
    worker: Service | None = None

    @asynccontextmanager
    async def caller(
        self, room: str = "", identity: str = "caller", *, dynacast: bool = False
    ) -> AsyncIterator[Caller]:
        """A caller who has joined a room of its own, unless one is named; the room ends with the test."""
        address = self.address
        room = room or f"test-{uuid4().hex[:8]}"
        key, secret = address.api_key, address.api_secret
        async with Caller(address.url, key, secret, room, identity, dynacast=dynacast) as caller:
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
        await caller.call(self.agent_name, metadata, timeout_s=60)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The worker's log lines of one event, oldest first."""
        lines = [json.loads(line) for line in self.worker_log.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line["event"] == event]

    async def until_logged(
        self, event: str, count: int = 1, timeout_s: float = 60, *, room: str | None = None
    ) -> list[dict[str, Any]]:
        """The same, once there are so many of them; of one room alone if it is named."""
        async with asyncio.timeout(timeout_s):
            while True:
                lines = [line for line in self.logged(event) if room in {None, line.get("room")}]
                if len(lines) >= count:
                    return lines
                await asyncio.sleep(0.1)

    async def job(self, caller: Caller) -> psutil.Process:
        """The process that serves a caller's call."""
        [started, *_] = await self.until_logged("call_started", room=caller.room.name)
        return psutil.Process(started["pid"])

    async def ask(self, caller: Caller, question: str = "What number do you see?") -> Turn:
        """Ask aloud."""
        return await spoken_turn(caller, self.sandbox, question, self.speech.pcm, self.speech.sample_rate, timeout_s=60)

    async def write(self, caller: Caller, question: str) -> Turn:
        """Ask by chat message."""
        return await typed_turn(caller, self.sandbox, question, timeout_s=60)


async def shown_as(caller: Caller, status: str, *, after: float = 0.0) -> None:
    """Wait until the room is told that the agent's sight is in this state; `after` is unix seconds."""
    await caller.journal.wait_for(VisionStatus, after=after, where=lambda event: event.status == status, timeout_s=30)


async def fate(caller: Caller, stream_id: str) -> UploadStatus:
    """What the sender was told first about an upload."""
    return await caller.journal.wait_for(
        UploadStatus, where=lambda event: event.data["stream_id"] == stream_id, timeout_s=60
    )
