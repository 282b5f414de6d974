"""A real LiveKit server, a real worker process and the sandbox in exact mode, shared by all room tests."""

import signal
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
import pytest_asyncio

from sandbox.control.client import SandboxClient
from sandbox.stack import Address, start_livekit, start_sandbox, start_worker, worker_env
from sandbox.tts.voice import Voice
from tests.room.rig import Rig, Speech


class RigWith(Protocol):
    """Gives a rig whose worker has these settings; `module` is run in place of `agent`."""

    def __call__(self, settings: Mapping[str, str], *, module: str = "agent") -> Awaitable[Rig]:
        """Start it."""


# As for Ctrl-C: the services live in sessions of their own, and only an orderly end takes them along.
signal.signal(signal.SIGTERM, signal.default_int_handler)


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


@pytest_asyncio.fixture
async def rig_with(rig: Rig, sandbox_url: str, tmp_path: Path) -> AsyncIterator[RigWith]:
    """Starts a worker of other settings beside the shared one, under a name of its own; it ends with the test."""
    async with AsyncExitStack() as running:

        async def start(settings: Mapping[str, str], *, module: str = "agent") -> Rig:
            name = f"sighted-{uuid4().hex[:8]}"
            env = {**worker_env(rig.address, sandbox_url), "LIVEKIT_AGENT_NAME": name, **settings}
            service = await start_worker(running, tmp_path, env, module=module)
            return replace(rig, agent_name=name, worker_log=service.log, worker=service)

        yield start


@pytest.fixture(autouse=True)
def _show_worker_log_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the worker said during a test belongs to the report of its failure."""
    if "worker_log" not in request.fixturenames:
        yield
        return
    log: Path = request.getfixturevalue("worker_log")
    own: Path = request.getfixturevalue("tmp_path") / "worker.log"
    start = log.stat().st_size
    yield
    text = (log.read_bytes()[start:] + (own.read_bytes() if own.exists() else b"")).decode("utf-8", errors="replace")
    request.node.add_report_section("teardown", "worker log", text[-20_000:])
