"""Job processes that crash, leak or hang: each loss is told of, its call can be had again, no other call notices."""

import signal
import time

from sandbox.caller.caller import Caller
from sandbox.caller.journal import AgentLeft
from tests.room.conftest import RigWith

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
