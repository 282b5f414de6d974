"""Capacity: a burst on cold workers is admitted to the last place, and not beyond."""

import asyncio
import re
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from livekit import api

from config.groups import WorkerSettings
from sandbox.stack import start_worker, worker_env
from tests.room.conftest import RigWith
from tests.room.rig import Rig

PLACES = {"large": 5, "small": 2}
BURST = 30


async def dispatch_all(rig: Rig, name: str, rooms: list[str]) -> None:
    """Ask for an agent in every room at once."""
    address = rig.address
    async with api.LiveKitAPI(address.url, address.api_key, address.api_secret) as client:
        requests = [api.CreateAgentDispatchRequest(agent_name=name, room=room) for room in rooms]
        await asyncio.gather(*(client.agent_dispatch.create_dispatch(request) for request in requests))


async def test_burst_fills_every_place_of_two_cold_workers_and_no_more(
    rig: Rig, sandbox_url: str, tmp_path: Path
) -> None:
    """Of 30 jobs at once on 5 and 2 places 7 are admitted: what one worker refuses goes to the other."""
    name = f"burst-{uuid4().hex[:8]}"
    rooms = [f"{name}-{number}" for number in range(BURST)]
    address = rig.address
    async with AsyncExitStack() as running:
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
        await dispatch_all(rig, name, rooms)
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


async def test_burst_is_answered_by_default_limits_job_by_job(rig_with: RigWith) -> None:
    """CPU and memory count too: each job that is offered either runs or is refused for a reason that is told."""
    limits = WorkerSettings()
    rig = await rig_with(
        {
            "WORKER__MAX_JOBS": "3",
            "WORKER__MAX_LOAD": str(limits.max_load),
            "WORKER__MAX_MEMORY": str(limits.max_memory),
            "WORKER__IDLE_PROCESSES": str(limits.idle_processes),
        }
    )
    rooms = [f"{rig.agent_name}-{number}" for number in range(10)]
    await dispatch_all(rig, rig.agent_name, rooms)
    await asyncio.sleep(5)  # the server passes over a worker that says it is full, so not every job is offered
    offered = {line["room"] for line in rig.logged("received job request")}
    refused = {line["room"]: line["reason"] for line in rig.logged("job_refused")}
    admitted = offered - set(refused)
    for room in admitted:
        await rig.until_logged("call_started", room=room)
    await asyncio.sleep(3)  # whatever was admitted too many would have begun by now
    started = [line["room"] for line in rig.logged("call_started")]
    for room in rooms:
        await rig.close(room)
    assert sorted(started) == sorted(admitted)
    assert len(started) <= 3
    assert all(re.fullmatch(r"3 calls already|\d+% of (memory|CPU) in use", reason) for reason in refused.values())
