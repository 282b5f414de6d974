"""Capacity: a burst on cold workers is admitted to the last place, and not beyond."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from livekit import api

from sandbox.stack import start_worker, worker_env
from tests.room.rig import Rig

PLACES = {"large": 5, "small": 2}
BURST = 30


async def test_burst_fills_every_place_of_two_cold_workers_and_no_more(
    rig: Rig, sandbox_url: str, tmp_path: Path
) -> None:
    """Of 30 jobs at once on 5 and 2 places 7 are admitted: what one worker refuses goes to the other."""
    name = f"burst-{uuid4().hex[:8]}"
    rooms = [f"{name}-{number}" for number in range(BURST)]
    address = rig.address
    async with AsyncExitStack() as running:
        client = await running.enter_async_context(api.LiveKitAPI(address.url, address.api_key, address.api_secret))
        workers: dict[str, Rig] = {}
        for worker, places in PLACES.items():
            env = {
                **worker_env(address, sandbox_url),
                "LIVEKIT_AGENT_NAME": name,
                "WORKER__MAX_JOBS": str(places),
                "WORKER__IDLE_PROCESSES": "1",
            }
            service = await start_worker(running, tmp_path / worker, env)
            workers[worker] = Rig(address, rig.sandbox, rig.speech, service.log, name, service)
        await asyncio.gather(
            *(
                client.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name=name, room=room))
                for room in rooms
            )
        )
        for worker, places in PLACES.items():
            await workers[worker].until_logged("call_started", count=places)
            await workers[worker].until_logged("job_refused", count=BURST - sum(PLACES.values()))
        await asyncio.sleep(3)  # whatever was admitted too many would have begun by now
        started = {worker: [line["room"] for line in own.logged("call_started")] for worker, own in workers.items()}
        refused = {worker: {line["room"] for line in own.logged("job_refused")} for worker, own in workers.items()}
        for room in rooms:
            await rig.close(room)
    assert {worker: len(calls) for worker, calls in started.items()} == PLACES
    assert max(Counter(room for calls in started.values() for room in calls).values()) == 1
    # None is refused before both were asked.
    assert refused["large"] >= set(rooms) - set(started["large"]) - set(started["small"]) <= refused["small"]
