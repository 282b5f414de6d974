"""The way to the LiveKit server is lost under a live call: nothing hangs, and the caller is served again."""

import asyncio
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sandbox.caller.journal import Transcript
from sandbox.control.client import SandboxClient
from sandbox.process import Service
from sandbox.stack import HOST, answers, free_port, livekit_service, start, start_worker, worker_env
from tests.room.network import NoNetworkError, make_namespace
from tests.room.rig import Rig, Speech

CUT_S = 8
WHOLE_S = 40


async def test_call_outlives_a_network_cut_between_worker_and_server(speech: Speech, tmp_path: Path) -> None:
    """What is asked during a cut of some seconds is answered once, when it is over, and the next turn is as ever."""
    async with AsyncExitStack() as running:
        try:
            namespace = await make_namespace(running)
        except NoNetworkError as error:
            pytest.skip(f"no network namespace can be made here: {error}")
        links = {namespace.server.name: namespace.server.host, "lo": HOST}
        server, address, ready = await livekit_service(tmp_path, links=links)
        await start(running, server, ready)
        port = free_port()
        sandbox_url = f"http://{namespace.rest.host}:{port}"
        options = ["--exact", "--host", namespace.rest.host, "--port", str(port)]
        stand_ins = Service(
            "sandbox", [sys.executable, "-m", "sandbox", "serve", *options], log=tmp_path / "sandbox.log"
        )
        await start(running, stand_ins, lambda: answers(f"{sandbox_url}/healthz"))
        limits = {"WORKER__MAX_LOAD": "0", "WORKER__MAX_MEMORY": "0", "WORKER__HTTP_PORT": "8081"}
        worker = Service(
            "worker",
            namespace.command(sys.executable, "-m", "agent", "start"),
            log=tmp_path / "worker.log",
            env={**os.environ, **worker_env(address, sandbox_url), **limits},
        )
        readyz = f"http://{namespace.rest.inner}:8081/readyz"
        await start(running, worker, lambda: answers(readyz))
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        rig = Rig(address, sandbox, speech, worker.log)
        async with rig.caller() as caller:
            await rig.call(caller)
            before = await rig.write(caller, "Do you hear me?")
            await namespace.cut()
            cut_at = await caller.type("And now?")
            await asyncio.sleep(CUT_S)
            await namespace.mend()
            mended_at = time.time()
            answer = await caller.journal.wait_for(
                Transcript, after=cut_at, where=lambda event: event.speaker != "caller", timeout_s=WHOLE_S
            )
            await rig.write(caller, "Is it better?")
            asked = [entry.messages[-1].text for entry in await sandbox.requests("llm", since=before.request.id)]
        assert await answers(readyz)
    assert mended_at < answer.at < mended_at + WHOLE_S
    assert [text.split("\n")[0] for text in asked] == ["And now?", "Is it better?"]
    assert [line["event"] for line in rig.logged("job_lost")] == []


async def test_restarted_server_is_found_again_and_the_caller_is_served(
    sandbox_url: str, speech: Speech, tmp_path: Path
) -> None:
    """The worker is not ready at once, and ready soon after; whoever asks again is served."""
    async with AsyncExitStack() as running:
        server, address, ready = await livekit_service(tmp_path)
        await start(running, server, ready)
        port = free_port()
        worker = await start_worker(running, tmp_path, worker_env(address, sandbox_url), port=port)
        readyz = f"http://{HOST}:{port}/readyz"
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        rig = Rig(address, sandbox, speech, worker.log)
        async with rig.caller() as caller:
            await rig.call(caller)
            before = await rig.write(caller, "Do you hear me?")
            server.signal(signal.SIGKILL)
            await server.wait()
            async with asyncio.timeout(5):
                while await answers(readyz):  # noqa: ASYNC110 - it happens in another process
                    await asyncio.sleep(0.05)
            await server.start(ready)
            up_at = time.time()
            async with asyncio.timeout(15):
                while not await answers(readyz):  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.1)
            await rig.call(caller)
            after = await rig.write(caller, "Is it better?")
            asked = await sandbox.requests("llm", since=before.request.id)
            await rig.ask(caller, "Do you hear me speak?")
    assert after.reply.done < up_at + WHOLE_S
    assert len(asked) == 1
    assert rig.logged("job_lost") == []
    assert len(rig.logged("call_started")) == 1  # the call goes on as if nothing had been
