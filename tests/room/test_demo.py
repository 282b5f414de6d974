"""`make demo` as a newcomer meets it: real ears, eyes and voice, and nothing left behind."""

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.page import files

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)


async def test_demo_answers_from_the_camera_and_leaves_nothing_behind() -> None:
    """The self-test is told as a story and ends well; one Ctrl-C then ends every process that was started."""
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "demo", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert demo.stdout is not None
    told: list[str] = []
    async with asyncio.timeout(200):
        while "Ctrl-C stops everything." not in told:
            line = await demo.stdout.readline()
            assert line, "\n".join(told)
            told.append(line.decode().rstrip())
    started = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(signal.SIGINT)
    rest, _ = await demo.communicate()
    assert demo.returncode == 130
    assert "All stopped." in rest.decode()
    gone, alive = psutil.wait_procs(started, timeout=20)
    assert [process.name() for process in alive] == []
    assert len(gone) >= 4
    story = {line.split()[0]: line for line in told if line.startswith("  ")}
    assert "OK" in told
    assert "camera 1280x720" in story["saw"]
    assert "ms after the question" in story["first"]
    assert story["token"].split()[1].count(".") == 2
    # Without npm the demo has no page, and says what it needs.
    assert story["page"].split()[1].startswith("http://127.0.0.1:" if files.installed() else "none:")
