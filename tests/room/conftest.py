"""A real LiveKit server, a real worker process and the sandbox in exact mode, shared by all room tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from livekit import api

from sandbox.caller import Caller
from sandbox.client import SandboxClient
from sandbox.stack import AGENT_NAME, Address, start_livekit, start_sandbox, start_worker, worker_env
from sandbox.turn import Turn, spoken_turn, typed_turn
from sandbox.voice import Voice


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

    async def call(self, caller: Caller, metadata: str = "") -> None:
        """Have the agent come."""
        await caller.call(AGENT_NAME, metadata, timeout_s=60)

    async def ask(self, caller: Caller, question: str = "What number do you see?") -> Turn:
        """Ask aloud."""
        return await spoken_turn(caller, self.sandbox, question, self.speech.pcm, self.speech.sample_rate, timeout_s=60)

    async def write(self, caller: Caller, question: str) -> Turn:
        """Ask by chat message."""
        return await typed_turn(caller, self.sandbox, question, timeout_s=60)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the services' logs go."""
    return tmp_path_factory.mktemp("stack")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[AsyncExitStack]:
    """Ends every service at the end of the session."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit_server(running: AsyncExitStack, logs: Path) -> Address:
    """A real server on loopback."""
    return await start_livekit(running, logs)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox_url(running: AsyncExitStack, logs: Path) -> str:
    """The stand-ins in exact mode: no model is loaded."""
    return await start_sandbox(running, logs, "--exact")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speech() -> Speech:
    """A sentence of about a second and a half, made once."""
    voice = Voice()
    await voice.start()
    try:
        return Speech(await voice.speak("What number do you see?"), voice.sample_rate)
    finally:
        await voice.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker_log(running: AsyncExitStack, logs: Path, livekit_server: Address, sandbox_url: str) -> Path:
    """A real worker process; its log tells how calls went."""
    service = await start_worker(running, logs, worker_env(livekit_server, sandbox_url))
    return service.log


@pytest_asyncio.fixture
async def rig(livekit_server: Address, sandbox_url: str, speech: Speech, worker_log: Path) -> AsyncIterator[Rig]:
    """Everything together, with a clean record."""
    async with SandboxClient(sandbox_url) as sandbox:
        await sandbox.clear()
        yield Rig(livekit_server, sandbox, speech, worker_log)


@pytest.fixture(autouse=True)
def _show_worker_log_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the worker said during a test belongs to the report of its failure."""
    if "worker_log" not in request.fixturenames:
        yield
        return
    log: Path = request.getfixturevalue("worker_log")
    start = log.stat().st_size
    yield
    text = log.read_bytes()[start:].decode("utf-8", errors="replace")
    request.node.add_report_section("teardown", "worker log", text[-20_000:])
