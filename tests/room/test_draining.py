"""A worker that is asked to stop: nobody is cut off, and nobody holds it up."""

import asyncio
import signal
import time

from sandbox.caller.journal import SoundBegan, Transcript
from sandbox.stack import answers
from tests.room.conftest import RigWith

DRAIN_S = 16
GOODBYE_S = 8


async def test_stopping_worker_serves_its_calls_says_goodbye_and_waits_for_nobody(rig_with: RigWith) -> None:
    """Turns go on after SIGTERM, the goodbye is heard before the limit, and a job that is stuck ends with the limit."""
    rig = await rig_with(
        {
            "WORKER__DRAIN_TIMEOUT_S": str(DRAIN_S),
            "WORKER__GOODBYE_S": str(GOODBYE_S),
            "WORKER__IDLE_PROCESSES": "2",
            "PHRASES__GOODBYE": "I am needed elsewhere.",
        }
    )
    assert rig.worker is not None
    [listening] = rig.logged("health_listening")
    ready = "http://{}:{}/readyz".format(*listening["address"])
    async with rig.caller() as caller, rig.caller() as stuck, rig.caller() as late:
        await rig.call(caller)
        await rig.call(stuck)
        assert await answers(ready)
        room, stuck_room = caller.room.name, stuck.room.name
        stopped_at = time.time()
        rig.worker.signal(signal.SIGTERM)
        (await rig.job(stuck)).suspend()
        async with asyncio.timeout(2):
            while await answers(ready):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.05)
        await late.dispatch(rig.agent_name)
        for question in ("Are you still there?", "And now?"):
            assert (await rig.write(caller, question)).reply.text.startswith("Answer ")
        goodbye = await caller.journal.wait_for(
            Transcript, where=lambda event: event.text == "I am needed elsewhere.", timeout_s=60
        )
        left = await caller.agent_left(timeout_s=30)
        async with asyncio.timeout(60):
            assert await rig.worker.wait() == 0
        ended_after = time.time() - stopped_at
        assert late.agent is None
    assert stopped_at + DRAIN_S - GOODBYE_S < goodbye.at < left.at < stopped_at + DRAIN_S
    assert caller.journal.of(SoundBegan, after=goodbye.started - 1)
    assert DRAIN_S <= ended_after < DRAIN_S + 3
    [ended] = [line for line in rig.logged("call_ended") if line["room"] == room]
    assert ended["reason"] == "draining"
    [lost] = rig.logged("job_lost")
    assert (lost["room"], lost["reason"]) == (stuck_room, "late")
