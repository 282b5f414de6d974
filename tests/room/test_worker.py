"""The worker as an operator meets it: dispatches it refuses, what it logs, how it stops."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.caller.errors import NoAgentError
from sandbox.caller.journal import VisionStatus
from sandbox.caller.scenes import Counter
from sandbox.control.client import SandboxClient
from sandbox.process import Service
from sandbox.stack import AGENT_NAME, Address, answers, start_livekit, start_worker, worker_env
from tests.room.rig import Rig, Speech


def lines(log: Path) -> list[dict[str, Any]]:
    """Every line of a worker's log; all of them must be JSON objects."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 30) -> None:
    """Wait until an async condition holds."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.1)


async def test_dispatch_metadata_shapes_the_call(rig: Rig) -> None:
    """Instructions of one dispatch reach the model, and its vision setting holds."""
    metadata = {"instructions": "You are a lighthouse keeper.", "vision": {"source": "off"}}
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller, json.dumps(metadata))
        turn = await rig.ask(caller)
        status = await caller.journal.wait_for(VisionStatus, timeout_s=30)
    assert status.status == "off"
    assert turn.request.messages[0].text.startswith("You are a lighthouse keeper.")
    assert turn.images == []


async def test_who_came_first_of_several_is_the_caller(rig: Rig) -> None:
    """Whatever order the agent is told of them in: the others were there before it, too."""
    room = "test-several"
    async with AsyncExitStack() as guests, rig.caller(room) as caller:
        for number in range(6):
            await guests.enter_async_context(rig.caller(room, f"guest-{number}"))
        await rig.call(caller)
        [linked] = await rig.until_logged("caller_linked", room=room)
        turn = await rig.ask(caller)
    assert linked["participant"] == "caller"
    assert turn.reply.text.startswith(f"Answer {turn.request.id}.")


async def test_greeting_is_spoken_first(rig: Rig) -> None:
    """A caller who is greeted hears the agent before saying anything."""
    async with rig.caller() as caller:
        await rig.call(caller, json.dumps({"greeting": "Welcome to the harbour."}))
        reply = await caller.reply(after=0.0, timeout_s=60)
    assert reply.text == "Welcome to the harbour."


async def test_invalid_metadata_refuses_the_job(rig: Rig) -> None:
    """One log line names the field, and no agent comes half-configured."""
    async with rig.caller() as caller:
        await caller.dispatch(AGENT_NAME, json.dumps({"instructionz": "typo"}))

        async def refused() -> bool:
            return any(
                line["event"] == "job_refused" and "instructionz" in line["reason"] for line in lines(rig.worker_log)
            )

        await until(refused)
        assert caller.agent is None


async def test_turn_is_logged_with_its_evidence_and_nothing_personal(rig: Rig) -> None:
    """`turn_completed` names the very picture of the request; no line holds what was said, a key or pixels."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        turn = await rig.ask(caller, "What is the colour of my umbrella?")
        room = caller.room.name

        async def logged() -> bool:
            return any(line["event"] == "turn_completed" and line["room"] == room for line in lines(rig.worker_log))

        await until(logged)
    logged_turn = next(
        line for line in lines(rig.worker_log) if line["event"] == "turn_completed" and line["room"] == room
    )
    assert logged_turn["frame_sha256"] == turn.images[-1].sha256
    assert logged_turn["kind"] == "spoken"
    assert logged_turn["participant"] == "caller"
    assert logged_turn["job_id"]
    assert logged_turn["speculative"] is True
    text = rig.worker_log.read_text(encoding="utf-8")
    for personal in ("umbrella", "base64,/9j/", rig.address.api_secret):  # so begins a JPEG in a data URL
        assert personal not in text


async def test_worker_stops_cleanly_after_its_last_call(
    livekit_server: Address, sandbox_url: str, speech: Speech, tmp_path: Path
) -> None:
    """SIGTERM lets the running call go on and ends with 0 when the call has ended."""
    async with AsyncExitStack() as running:
        env = {**worker_env(livekit_server, sandbox_url), "LIVEKIT_AGENT_NAME": "stops"}
        worker = await start_worker(running, tmp_path, env)
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        async with Rig(livekit_server, sandbox, speech, worker.log).caller() as caller:
            await caller.call("stops", timeout_s=60)
            worker.signal(signal.SIGTERM)

            async def draining() -> bool:
                return "draining worker" in worker.log.read_text(encoding="utf-8")

            await until(draining)
            await caller.type("Are you still there?")
            reply = await caller.reply(after=0.0, timeout_s=60)
            assert reply.text.startswith("Answer ")
        async with asyncio.timeout(60):
            assert await worker.wait() == 0


async def test_full_worker_takes_the_next_call_when_the_last_one_ended(
    livekit_server: Address, sandbox_url: str, speech: Speech, tmp_path: Path
) -> None:
    """Capacity is exact; a caller gone for longer than the call lingers frees it, and the empty room ends as well."""
    settings = {"LIVEKIT_AGENT_NAME": "single", "WORKER__MAX_JOBS": "1", "AGENT__LINGER_S": "1"}
    async with AsyncExitStack() as running:
        worker = await start_worker(running, tmp_path, {**worker_env(livekit_server, sandbox_url), **settings})
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        rig = Rig(livekit_server, sandbox, speech, worker.log)
        async with rig.caller() as one, rig.caller() as two:
            await one.call("single", timeout_s=60)
            room = one.room.name
            with pytest.raises(NoAgentError):
                await two.call("single", timeout_s=5)
            await one.leave()

            async def ended() -> bool:
                return room not in await rig.rooms()

            await until(ended)
            await two.call("single", timeout_s=60)
            assert (await rig.write(two, "Are you there?")).reply.text


async def test_refused_key_ends_the_worker_at_once(livekit_server: Address, sandbox_url: str, tmp_path: Path) -> None:
    """Exit code 69, with the server's reason, instead of an endless retry."""
    env = {**os.environ, **worker_env(livekit_server, sandbox_url), "LIVEKIT_API_SECRET": "wrong-" * 8}
    async with AsyncExitStack() as running:
        worker = Service("worker", [sys.executable, "-m", "agent", "start"], log=tmp_path / "worker.log", env=env)
        running.push_async_callback(worker.aclose)
        await worker.spawn()
        async with asyncio.timeout(60):
            assert await worker.wait() == 69
    assert "refuses LIVEKIT_API_KEY" in worker.tail()


async def test_health_tells_whether_it_is_registered(sandbox_url: str, tmp_path: Path) -> None:
    """`/readyz` is 200 only while the server knows the worker; `/healthz` as long as it lives."""
    async with AsyncExitStack() as running, AsyncExitStack() as server:
        address = await start_livekit(server, tmp_path)
        worker = await start_worker(running, tmp_path, worker_env(address, sandbox_url))
        health = next(line["address"] for line in lines(worker.log) if line["event"] == "health_listening")
        base = "http://{}:{}".format(*health)
        assert await answers(f"{base}/readyz")
        await server.aclose()

        async def unready() -> bool:
            return not await answers(f"{base}/readyz")

        await until(unready)
        assert await answers(f"{base}/healthz")
