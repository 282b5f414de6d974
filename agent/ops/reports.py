"""What job processes count, on its way to the parent: JSON lines over a Unix socket.

See `docs/adr/0013-job-processes-report-their-counts.md`.
"""

import asyncio
import json
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from agent.ops.meters import CALLS_ENDED, CALLS_STARTED, CRASHED, NAMES, Sample, add

log = structlog.stdlib.get_logger(__name__)

_MAX_UNSENT_BYTES = 1_000_000
_STARTED, _ENDED = NAMES[CALLS_STARTED], NAMES[CALLS_ENDED]


class ReportDesk:
    """In the parent: takes the reports of every job process, from `start` to `aclose`.

    Attributes:
        address: Path of the socket, in a folder that only this user may enter.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sighted-", ignore_cleanup_errors=True)
        self.address = str(Path(self._folder.name) / "reports")
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.address)

    async def aclose(self) -> None:
        """Stop listening; what a job process says from now on is lost."""
        if self._server is not None:
            self._server.close()
        tasks = [task for task in self._open.values() if task is not None]
        for writer in self._open:
            writer.close()  # its task reads the end of the stream
        await asyncio.gather(*tasks, return_exceptions=True)
        self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        job = JobReports()
        self._open[writer] = asyncio.current_task()
        try:
            async for line in reader:
                try:
                    job.take(json.loads(line))
                except Exception:  # what else it counts is worth having
                    log.warning("report_lost", exc_info=True)
        finally:
            # The kernel keeps what was sent before a crash, so nothing is missing when the end of the stream is read.
            job.gone()
            writer.close()
            del self._open[writer]


class JobReports:
    """What one job process reports: a call that it began and never ended has crashed with it."""

    def __init__(self) -> None:
        self._calls = 0

    def take(self, samples: Sequence[Sample]) -> None:
        """Add what it counted."""
        names = [name for name, _, _ in samples]
        self._calls += names.count(_STARTED) - names.count(_ENDED)
        add(samples)

    def gone(self) -> None:
        """The process has ended."""
        add([(_ENDED, 1, {"reason": CRASHED})] * self._calls)
        self._calls = 0


class Reporter:
    """In a job process: sends without ever waiting.

    What the parent does not take at once is kept and sent with the next report. Should it stand still for so long that
    the limit is reached, the newest are dropped: a call matters more than its count.
    """

    def __init__(self, address: str):
        """Connect.

        Raises:
            OSError: If nobody listens there.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._unsent = bytearray()

    def __call__(self, samples: Sequence[Sample]) -> None:
        """Send these, and what was not sent before."""
        if len(self._unsent) < _MAX_UNSENT_BYTES:
            self._unsent += json.dumps(samples).encode() + b"\n"
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # the parent is gone, and we shall be soon
            self._unsent.clear()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
