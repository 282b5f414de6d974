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
    code, _, errors = await run("start", environment)
    return code, errors


async def run(command: str, environment: dict[str, str]) -> tuple[int | None, str, str]:
    """Run a command until it ends; its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent",
        command,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


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


async def test_doctor_exits_78_with_a_row_for_each_problem() -> None:
    """On standard output, and nothing else anywhere; what needs the settings is skipped."""
    code, output, errors = await run(
        "doctor", {**REQUIRED, "LIVEKIT_URL": "", "VISION__QUALITYY": "the-secret-of-nobody"}
    )
    assert (code, errors) == (78, "")
    rows = [row.split() for row in output.splitlines() if row and not row.startswith(" ")]
    assert [row[0] for row in rows if row[1] == "failed"] == ["LIVEKIT_URL", "VISION__QUALITYY"]
    assert sum("skipped" in row for row in rows) == 7
    assert "the-secret" not in output


async def test_doctor_exits_69_where_nobody_answers() -> None:
    """With what to look at for each, and no secret."""
    base = f"http://127.0.0.1:{closed_port()}"
    addresses = {f"{name}_BASE_URL": base for name in ("DEEPGRAM", "OPENAI", "CARTESIA")}
    code, output, errors = await run("doctor", {**REQUIRED, **addresses, "LIVEKIT_URL": base.replace("http", "ws")})
    assert (code, errors) == (69, "")
    assert [name for name in (*addresses, "LIVEKIT_URL") if f"> Check {name}, " not in output] == []
    assert output.endswith("Not ready: 4 failed, 3 not checked.\n")
    assert "the-secret" not in output
