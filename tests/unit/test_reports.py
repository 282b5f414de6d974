"""What job processes count reaches the parent, whatever becomes of them."""

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from agent.ops.meters import Sample
from agent.ops.reports import _MAX_UNSENT_BYTES, ReportDesk, Reporter

STARTED: Sample = ("sighted_calls_started_total", 1.0, {})
ENDED: Sample = ("sighted_calls_ended_total", 1.0, {"reason": "caller_left"})


@pytest.fixture
async def desk() -> AsyncIterator[ReportDesk]:
    """The parent's end."""
    desk = ReportDesk()
    await desk.start()
    yield desk
    await desk.aclose()


def ended(reason: str) -> float:
    """Calls that ended so."""
    return REGISTRY.get_sample_value("sighted_calls_ended_total", {"reason": reason}) or 0.0


def active() -> float:
    """Calls that run."""
    return REGISTRY.get_sample_value("sighted_calls_active") or 0.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for the desk to have read."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another end of a socket
            await asyncio.sleep(0.01)


async def test_call_is_counted_once_and_its_count_outlives_its_process(desk: ReportDesk) -> None:
    """A counter stays when its process has ended; the gauge goes down."""
    before, running = ended("caller_left"), active()
    reporter = Reporter(desk.address)
    reporter([STARTED])
    await until(lambda: active() == running + 1)
    reporter([ENDED])
    reporter.close()
    await until(lambda: ended("caller_left") == before + 1)
    assert active() == running


async def test_call_whose_process_dies_has_crashed(desk: ReportDesk) -> None:
    """A real process counts, and kills itself at once: nothing that it sent is lost."""
    before, running = ended("crashed"), active()
    uploads = REGISTRY.get_sample_value("sighted_uploads_total", {"code": "accepted"}) or 0.0
    program = (
        "import os, signal, sys; from agent.ops import metrics; from agent.ops.reports import Reporter;"
        "metrics.send_to(Reporter(sys.argv[1])); metrics.call_started(); metrics.uploaded();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, desk.address, cwd=Path(__file__).parents[2]
    )
    assert await child.wait() == -9
    await until(lambda: ended("crashed") == before + 1)
    assert active() == running
    assert REGISTRY.get_sample_value("sighted_uploads_total", {"code": "accepted"}) == uploads + 1


async def test_idle_process_that_ends_has_not_crashed(desk: ReportDesk) -> None:
    """Warm processes come and go."""
    before, done = ended("crashed"), ended("caller_left")
    Reporter(desk.address).close()
    for _ in range(2):  # one after another: when the second is read, the first has been seen to end
        reporter = Reporter(desk.address)
        reporter([STARTED, ENDED])
        reporter.close()
    await until(lambda: ended("caller_left") == done + 2)
    await asyncio.sleep(0.05)
    assert ended("crashed") == before


async def test_nonsense_costs_its_sender_alone(desk: ReportDesk) -> None:
    """A line that was cut off ends that report, and no other."""
    before = ended("caller_left")
    with socket.socket(socket.AF_UNIX) as broken:
        broken.connect(desk.address)
        broken.sendall(b'[["sighted_calls_star\n')
    reporter = Reporter(desk.address)
    reporter([STARTED, ENDED])
    await until(lambda: ended("caller_left") == before + 1)
    reporter.close()


async def test_parent_that_stands_still_costs_its_jobs_nothing() -> None:
    """Sending never waits, what is kept is bounded, and all that was kept arrives when the parent reads again."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as parent:
        address = str(Path(folder) / "reports")
        parent.bind(address)
        parent.listen()
        reporter = Reporter(address)
        connection, _ = parent.accept()
        with connection:
            for _ in range(40_000):
                reporter([STARTED])
            assert _MAX_UNSENT_BYTES <= len(reporter._unsent) < _MAX_UNSENT_BYTES + 1000
            connection.setblocking(False)
            while reporter._unsent:
                connection.recv(1_000_000)
                reporter([STARTED])
            assert connection.recv(1_000_000).endswith(b"\n")
        reporter([STARTED])
        reporter([STARTED])
        assert not reporter._unsent
        reporter.close()


async def test_socket_lies_in_a_folder_of_our_own_and_leaves_nothing(desk: ReportDesk) -> None:
    """No other user may write into our counts."""
    folder = Path(desk.address).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    await desk.aclose()
    assert not folder.exists()


async def test_desk_that_closes_leaves_nobody_waiting(desk: ReportDesk, caplog: pytest.LogCaptureFixture) -> None:
    """A worker that is stopped hard still has calls; what they say is lost, and nothing is written about it."""
    reporters = [Reporter(desk.address) for _ in range(3)]
    running = active()
    reporters[0]([STARTED])
    await until(lambda: active() == running + 1)
    await desk.aclose()
    assert active() == running
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for reporter in reporters:
        reporter([STARTED])
        assert not reporter._unsent
        reporter.close()
    assert caplog.records == []


def test_job_process_without_a_parent_says_so() -> None:
    """Rather than to count into the void."""
    with pytest.raises(OSError, match="No such file"):
        Reporter("/nonexistent/reports")
