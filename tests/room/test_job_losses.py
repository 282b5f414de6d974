"""Job processes that crash, leak or hang: each loss is told of, its call can be had again, no other call notices."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from sandbox.caller.caller import Caller
from sandbox.caller.journal import AgentLeft
from sandbox.stack import HOST, answers, free_port, start_worker, worker_env
from tests.room.conftest import RigWith
from tests.room.rig import Rig

HANG_S = 5


async def test_lost_job_is_told_of_disturbs_nobody_and_can_be_replaced(rig_with: RigWith) -> None:
    """A kill, a leak and a blocked event loop at once: the fourth call goes on, and who asks again is served again."""
    settings = {
        "WORKER__HANG_TIMEOUT_S": str(HANG_S),
        "WORKER__JOB_MEMORY_LIMIT_MB": "500",
        "WORKER__IDLE_PROCESSES": "2",
        "AGENT__LINGER_S": "1",
    }
    rig = await rig_with(settings, module="tests.room.faulty_worker")
    faults = {"signal": signal.SIGKILL, "memory": signal.SIGUSR2, "hung": signal.SIGHUP}
    async with rig.caller() as neighbour, rig.caller() as one, rig.caller() as two, rig.caller() as three:
        victims: dict[str, Caller] = dict(zip(faults, (one, two, three), strict=True))
        for caller in (neighbour, *victims.values()):
            await rig.call(caller)
        struck_at = time.time()
        for reason, number in faults.items():
            (await rig.job(victims[reason])).send_signal(number)
        while len(rig.logged("job_lost")) < len(victims):
            turn = await rig.write(neighbour, "Do you notice anything?")
            assert turn.reply.delay_s < 5
            assert time.time() < struck_at + 60
        lost = {line["reason"]: line for line in rig.logged("job_lost")}
        assert {reason: line["room"] for reason, line in lost.items()} == {
            reason: caller.room.name for reason, caller in victims.items()
        }
        # A new agent does not take the dead one, which the server still shows, for one that serves the caller.
        for victim in victims.values():
            await victim.dispatch(rig.agent_name)
        for victim in victims.values():
            await rig.until_logged("call_started", count=2, room=victim.room.name)
        for victim in victims.values():
            await victim.journal.wait_for(AgentLeft, timeout_s=40)
            assert (await rig.write(victim, "Are you back?")).reply.text.startswith("Answer ")
        assert (await rig.write(neighbour, "And you?")).reply.text.startswith("Answer ")
    assert rig.logged("call_withdrawn") == []


async def test_worker_whose_processes_cannot_start_is_not_ready_and_leaves_calls_to_others(
    rig: Rig, sandbox_url: str, tmp_path: Path
) -> None:
    """Its running call goes on, a new one is refused, and once they start again it is ready and serves."""
    block, port, name = tmp_path / "no-start", free_port(), f"sighted-{uuid4().hex[:8]}"
    env = {**worker_env(rig.address, sandbox_url), "LIVEKIT_AGENT_NAME": name, "NO_START": str(block)}
    env |= {"WORKER__INIT_TIMEOUT_S": "10", "WORKER__IDLE_PROCESSES": "1"}
    readyz = f"http://{HOST}:{port}/readyz"

    async def until_ready(*, ready: bool) -> None:
        async with asyncio.timeout(60):
            while await answers(readyz) is not ready:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.1)

    async with AsyncExitStack() as running:
        worker = await start_worker(running, tmp_path, env, port=port, module="tests.room.faulty_worker")
        own = Rig(rig.address, rig.sandbox, rig.speech, worker.log, name, worker)
        async with own.caller() as caller, own.caller() as other:
            block.touch()
            await own.call(caller)  # takes the process that is warm, and the next can't start
            await until_ready(ready=False)
            await other.dispatch(name)
            await own.until_logged("job_refused", room=other.room.name)
            assert (await own.write(caller, "Do you notice anything?")).reply.text.startswith("Answer ")
            block.unlink()
            await until_ready(ready=True)
            await own.call(other)
    assert own.logged("job_refused")[0]["reason"] == "job processes can't start"
    assert {line["exit_code"] for line in own.logged("job_process_not_started")} == {1}
