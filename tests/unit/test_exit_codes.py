"""How the process ends, as an orchestrator sees it."""

import asyncio
import json
import socket
import sys
from pathlib import Path

from tests.fakes import REQUIRED

ROOT = Path(__file__).parents[2]


async def start(environment: dict[str, str]) -> tuple[int | None, str]:
    """Run the worker until it ends by itself; its exit code and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent",
        "start",
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_configuration_error_exits_78_and_lists_every_problem() -> None:
    """On standard error, one a line, before anything is contacted."""
    code, errors = await start({})
    assert code == 78
    head, *problems = errors.splitlines()
    assert head == "The configuration has problems:"
    assert [problem.split(":")[0].strip() for problem in problems] == list(REQUIRED)


async def test_configuration_error_prints_no_secret() -> None:
    """Neither a good one nor one that stands in the wrong place."""
    code, errors = await start({**REQUIRED, "LIVEKIT_URL": "", "VISION__QUALITYY": "the-secret-of-nobody"})
    assert code == 78
    assert len(errors.splitlines()) == 3
    assert "the-secret" not in errors


async def test_unreachable_server_exits_69_in_time() -> None:
    """With a log line that says where and why."""
    url = f"ws://127.0.0.1:{closed_port()}"
    code, errors = await start(
        {**REQUIRED, "LIVEKIT_URL": url, "WORKER__CONNECT_TIMEOUT_S": "1", "WORKER__HTTP_PORT": "0"}
    )
    assert code == 69
    last = json.loads(errors.splitlines()[-1])
    assert last["event"] == "not_started"
    assert last["level"] == "error"
    assert last["reason"].startswith(f"{url} not reached within 1 s: ")
    assert "the-secret" not in errors
