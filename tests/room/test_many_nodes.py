"""More than one machine: two LiveKit nodes joined by Redis, three workers, calls on both nodes."""

import asyncio
import json
import shutil
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sandbox.caller.caller import Caller
from sandbox.caller.errors import NoAgentError
from sandbox.control.client import SandboxClient
from sandbox.process import Service
from sandbox.stack import HOST, Address, answers, free_port, start_livekit, start_worker, worker_env
from tests.room.rig import Rig, Speech

PER_WORKER = 2
KEYS = ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY")


async def start_redis(running: AsyncExitStack, logs: Path) -> str:
    """A Redis that keeps nothing, ended by `running`; its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on the PATH (Debian's package redis-server has it)")
    port = free_port()
    command = [program, "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(logs)]
    service = Service("Redis", command, log=logs / "redis.log")

    async def listening() -> bool:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return answer.startswith(b"+PONG")

    running.push_async_callback(service.aclose)
    await service.start(listening)
    return f"{HOST}:{port}"


def in_files(env: dict[str, str], folder: Path) -> dict[str, str]:
    """The same environment with every key in a file."""
    folder.mkdir()
    for name in KEYS:
        (folder / name).write_text(env[name] + "\n", encoding="utf-8")
    return {**env, **dict.fromkeys(KEYS, ""), **{f"{name}_FILE": str(folder / name) for name in KEYS}}


def rooms(worker: Service) -> list[str]:
    """The rooms whose calls a worker has begun."""
    lines = [json.loads(line) for line in worker.log.read_text(encoding="utf-8").splitlines()]
    return [line["room"] for line in lines if line["event"] == "call_started"]


async def unready(worker: Service) -> bool:
    """Whether its readiness says that it takes no call."""
    lines = [json.loads(line) for line in worker.log.read_text(encoding="utf-8").splitlines()]
    host, port = next(line["address"] for line in lines if line["event"] == "health_listening")
    return not await answers(f"http://{host}:{port}/readyz")


@pytest.mark.timeout(240)
async def test_calls_spread_over_workers_and_none_is_lost_while_one_drains(
    sandbox_url: str, speech: Speech, tmp_path: Path
) -> None:
    """Every worker is filled from either node and none beyond its limit; a drained one keeps its calls to their end."""
    name = "many-nodes"
    settings = {"LIVEKIT_AGENT_NAME": name, "WORKER__MAX_JOBS": str(PER_WORKER), "AGENT__LINGER_S": "1"}
    async with AsyncExitStack() as running:
        redis = await start_redis(running, tmp_path)
        nodes = [await start_livekit(running, tmp_path / f"node-{one}", redis=redis) for one in range(2)]
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))

        async def worker(number: int, node: Address) -> Service:
            env = {**worker_env(node, sandbox_url), **settings}
            if number == 0:
                env = in_files(env, tmp_path / "secrets")
            return await start_worker(running, tmp_path / f"worker-{number}", env)

        # Two at one node and one at the other, as a load balancer might have it.
        # One after the other: a port is free until somebody listens on it.
        workers = [await worker(number, nodes[node]) for number, node in enumerate((0, 0, 1))]
        rigs = [Rig(node, sandbox, speech, workers[0].log, name) for node in nodes]

        calls = await running.enter_async_context(AsyncExitStack())
        callers: list[Caller] = []
        for number in range(PER_WORKER * len(workers)):
            caller = await calls.enter_async_context(rigs[number % 2].caller(f"many-{number}"))
            await caller.call(name, timeout_s=60)
            callers.append(caller)
        assert sorted(len(rooms(one)) for one in workers) == [PER_WORKER] * len(workers)
        assert sorted(room for one in workers for room in rooms(one)) == [caller.room.name for caller in callers]
        async with rigs[0].caller("many-too-many") as another:
            with pytest.raises(NoAgentError):
                await another.call(name, timeout_s=4)

        drained, kept = workers[0], rooms(workers[0])
        drained.signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while not await unready(drained):  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.1)
        turns = await asyncio.gather(*(rigs[0].write(caller, "Are you still there?") for caller in callers))
        assert all(turn.reply.text.startswith("Answer ") for turn in turns)

        # Both a place at the drained worker and one elsewhere fall free: the next call comes to the other.
        gone = [kept[0], next(room for room in rooms(workers[1]))]
        for room in gone:
            await rigs[0].close(room)
        async with rigs[1].caller("many-after") as after:
            await after.call(name, timeout_s=60)
            assert (await rigs[1].write(after, "Who are you?")).reply.text.startswith("Answer ")
            assert "many-after" in rooms(workers[1]) + rooms(workers[2])
        await rigs[0].close(kept[1])
        async with asyncio.timeout(30):
            assert await drained.wait() == 0
        assert rooms(drained) == kept
