"""The README's examples, run as they stand there against a real server and worker."""

import asyncio
import os
import re
import sys
from pathlib import Path

from livekit import rtc

from tests.room.rig import Rig

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TOKEN, DISPATCH = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
ROOM = "kitchen"


def environment(rig: Rig) -> dict[str, str]:
    """What the examples expect to be set."""
    address = rig.address
    return {
        **os.environ,
        "LIVEKIT_URL": address.url,
        "LIVEKIT_API_KEY": address.api_key,
        "LIVEKIT_API_SECRET": address.api_secret,
    }


async def run(rig: Rig, code: str) -> str:
    """Run an example as a program of its own; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=environment(rig), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode().strip()


async def test_dispatch_by_server_api_brings_the_agent(rig: Rig) -> None:
    """The example's metadata reaches the model."""
    async with rig.caller(ROOM) as caller:
        await run(rig, DISPATCH)
        await caller.call("", timeout_s=60)  # no dispatch of its own
        turn = await rig.write(caller, "Who are you?")
    assert "bicycles" in turn.request.messages[0].text


async def test_dispatch_by_token_brings_the_agent(rig: Rig) -> None:
    """Whoever joins with the example's token is joined by the agent."""
    token = await run(rig, f"{TOKEN}\nprint(token)")
    room = rtc.Room()
    agents = asyncio.Queue[str]()

    def on_connected(participant: rtc.RemoteParticipant) -> None:
        agents.put_nowait(participant.identity)

    room.on("participant_connected", on_connected)
    await room.connect(rig.address.url, token)
    try:
        for participant in room.remote_participants.values():
            on_connected(participant)
        async with asyncio.timeout(60):
            assert (await agents.get()).startswith("agent-")
    finally:
        await room.disconnect()
        await rig.close(ROOM)
