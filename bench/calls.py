"""One call with one contender, from the dispatch until its room is closed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import psutil
from livekit import api

from bench.stage import QUESTION, Stage
from bench.workers import Worker
from sandbox.caller.caller import Caller
from sandbox.caller.scenes import Counter
from sandbox.turn import Turn, spoken_turn, typed_turn

SETTLE_S = 3.0
"""Seconds until a camera that was just published sends its full size."""
TURN_TIMEOUT_S = 60.0

Size = tuple[int, int]
HD: Size = (1280, 720)
FULL_HD: Size = (1920, 1080)


@dataclass(frozen=True)
class Call:
    """A caller whom a worker serves.

    Attributes:
        stage: What it runs on.
        worker: Serves it.
        caller: The caller.
        pid: The job process that serves the call.
    """

    stage: Stage
    worker: Worker
    caller: Caller
    pid: int

    async def ask(self, question: str = QUESTION, *, pcm: bytes | None = None) -> Turn:
        """Ask aloud, in exact mode."""
        speech = self.stage.speech
        return await spoken_turn(
            self.caller,
            self.stage.sandbox,
            question,
            pcm or speech.question,
            speech.sample_rate,
            timeout_s=TURN_TIMEOUT_S,
        )

    async def write(self, question: str) -> Turn:
        """Ask by chat message, in exact mode."""
        return await typed_turn(self.caller, self.stage.sandbox, question, timeout_s=TURN_TIMEOUT_S)

    def cpu_s(self) -> float:
        """CPU seconds that the job process has used, in user and system."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Resident memory of the job process, in MB."""
        return float(psutil.Process(self.pid).memory_info().rss / 1e6)

    def uss_mb(self) -> float:
        """Memory that the job process shares with no other, in MB."""
        return float(psutil.Process(self.pid).memory_full_info().uss / 1e6)


@asynccontextmanager
async def open_call(
    stage: Stage, worker: Worker, size: Size | None = HD, *, camera_first: bool = False, dynacast: bool = False
) -> AsyncIterator[Call]:
    """A call, with a camera of that size at 30 frames a second, or none.

    Args:
        stage: What it runs on.
        worker: Who is called.
        size: Width and height in pixels.
        camera_first: Whether the caller publishes before the agent comes, in place of right after.
        dynacast: Whether the caller stops encoding what nobody is subscribed to, as browsers can.
    """
    address = stage.address
    room = f"bench-{worker.name}-{uuid4().hex[:6]}"
    async with Caller(address.url, address.api_key, address.api_secret, room, dynacast=dynacast) as caller:
        await caller.join(microphone=camera_first)
        if camera_first and size is not None:
            await caller.show(Counter(*size))
        await caller.call(worker.name, timeout_s=60)
        if not camera_first:
            await caller.plug_in()
            if size is not None:
                await caller.show(Counter(*size))
        pid = await worker.job_pid(room)
        await asyncio.sleep(SETTLE_S)
        yield Call(stage, worker, caller, pid)
    async with api.LiveKitAPI(address.url, address.api_key, address.api_secret) as server:
        with suppress(api.TwirpError):  # gone already, with its last participant
            await server.room.delete_room(api.DeleteRoomRequest(room=room))


async def until(moment: float) -> None:
    """Wait until so many seconds of `time.monotonic`."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
