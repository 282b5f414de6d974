"""The line between worker and job processes, over a real socket."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio

from agent.intercom import Extension, Intercom


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest_asyncio.fixture
async def intercom() -> AsyncIterator[Intercom]:
    """A worker's end that listens."""
    intercom = Intercom(hang_timeout_s=20)
    await intercom.start()
    yield intercom
    await intercom.aclose()


@asynccontextmanager
async def dialled(intercom: Intercom) -> AsyncIterator[Extension]:
    """A job process's end."""
    extension = Extension()
    await extension.connect(intercom.path, "job-1", "kitchen")
    yield extension
    await extension.aclose()


async def test_every_call_is_told_to_say_goodbye(intercom: Intercom) -> None:
    """Those that run, and one that only begins then."""
    async with dialled(intercom) as early:
        await asyncio.sleep(0.05)
        intercom.farewell("draining")
        async with dialled(intercom) as late, asyncio.timeout(5):
            assert [await early.farewell, await late.farewell] == ["draining", "draining"]


async def test_nobody_else_can_reach_the_worker(intercom: Intercom) -> None:
    """Its directory is closed to other users, and is gone when it ends."""
    directory = Path(intercom.path).parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    await intercom.aclose()
    assert not directory.exists()


async def test_process_that_sends_no_sign_of_life_is_ended() -> None:
    """After its time, with the reason; one that goes on is left alone."""
    clock = Clock()
    intercom = Intercom(hang_timeout_s=2, clock=clock)
    await intercom.start()
    living = Extension()
    await living.connect(intercom.path, "job-1", "kitchen")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    _, writer = await asyncio.open_unix_connection(intercom.path)
    writer.write(json.dumps({"job_id": "job-2", "room": "cellar", "pid": process.pid}).encode() + b"\n")
    try:
        async with asyncio.timeout(20):
            while process.returncode is None:
                await asyncio.sleep(0.1)
                clock.now += 0.1  # the watch looks once in a real second
    finally:
        writer.close()
        await living.aclose()
        await intercom.aclose()
    assert process.returncode == -9
    assert intercom.condemned == {process.pid: "hung"}
    assert os.getpid() not in intercom.condemned
    assert not living.farewell.done()


async def test_worker_that_stood_still_blames_nobody() -> None:
    """What its jobs sent meanwhile is not read yet when it looks again."""
    clock = Clock()
    intercom = Intercom(hang_timeout_s=2, clock=clock)
    await intercom.start()
    async with dialled(intercom):
        await asyncio.sleep(0.2)
        clock.now += 60
        await asyncio.sleep(2.2)
    await intercom.aclose()
    assert intercom.condemned == {}


async def test_whoever_has_hung_up_is_not_ended(intercom: Intercom) -> None:
    """Its process id may be somebody else's by now."""
    _, writer = await asyncio.open_unix_connection(intercom.path)
    writer.write(json.dumps({"job_id": "job-2", "room": "cellar", "pid": os.getpid()}).encode() + b"\n")
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)
    intercom.end_all("late")
    assert intercom.condemned == {}


async def test_garbage_is_no_call(intercom: Intercom) -> None:
    """And the line goes on for others."""
    for garbage in (b"hello\n", b"{}\n", b"[1]\n", b""):
        _, writer = await asyncio.open_unix_connection(intercom.path)
        writer.write(garbage)
        writer.close()
    intercom.farewell("draining")
    async with dialled(intercom) as extension, asyncio.timeout(5):
        assert await extension.farewell == "draining"
