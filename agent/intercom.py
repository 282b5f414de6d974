"""The line between the worker and its job processes: the worker says when to end a call, they say that they live."""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.stdlib.get_logger(__name__)

BEAT_S = 1.0
"""Seconds between two signs of life of a job process; the worker looks as often."""


@dataclass(eq=False)
class _Line:
    job_id: str
    room: str
    pid: int
    writer: asyncio.StreamWriter
    heard_at: float


class Intercom:
    """The worker's end: a Unix socket in a directory that only its own user can enter.

    Attributes:
        path: Where job processes find it.
        condemned: Process ids that were ended from here, and why.
    """

    def __init__(self, *, hang_timeout_s: float, clock: Callable[[], float] = time.monotonic):
        self._directory = tempfile.TemporaryDirectory(prefix="sighted-")
        self.path = str(Path(self._directory.name) / "intercom")
        self.condemned: dict[int, str] = {}
        self._hang_timeout_s = hang_timeout_s
        self._clock = clock
        self._lines: set[_Line] = set()
        self._farewell: str | None = None
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: If no socket can be made in the directory for temporary files.
        """
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        self._watching = asyncio.create_task(self._watch())

    def farewell(self, reason: str) -> None:
        """Have every call say goodbye and end, also those that are about to begin."""
        self._farewell = reason
        for line in self._lines:
            _send(line.writer, {"farewell": reason})

    def end_all(self, cause: str) -> None:
        """End every process that still serves a call, whatever it does."""
        for line in self._lines:
            self._end(line, cause)

    async def aclose(self) -> None:
        """Hang up and leave nothing behind."""
        if self._watching is not None:
            self._watching.cancel()
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.writer.close()
        self._directory.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line: _Line | None = None
        try:
            hello = json.loads(await reader.readline())
            line = _Line(hello["job_id"], hello["room"], hello["pid"], writer, self._clock())
            self._lines.add(line)
            if self._farewell is not None:
                _send(writer, {"farewell": self._farewell})
            while await reader.readline():
                line.heard_at = self._clock()
        except (ValueError, LookupError, TypeError, OSError) as error:
            log.warning("intercom_failed", error=type(error).__name__)
        finally:
            if line is not None:
                self._lines.discard(line)
            writer.close()

    async def _watch(self) -> None:
        while True:
            looked_at = self._clock()
            await asyncio.sleep(BEAT_S)
            now = self._clock()
            if now - looked_at > 2 * BEAT_S:
                continue  # it was this process that stood still: what came meanwhile is not read yet
            for line in self._lines:
                if now - line.heard_at > self._hang_timeout_s:
                    self._end(line, "hung")

    def _end(self, line: _Line, cause: str) -> None:
        if line.pid in self.condemned:
            return
        self.condemned[line.pid] = cause
        # The line is open, so the process is there, and nobody else has its id.
        with suppress(ProcessLookupError):
            os.kill(line.pid, signal.SIGKILL)


class Extension:
    """A job process's end of the line.

    Attributes:
        farewell: Done, with the reason, when the call is to say goodbye and end.
    """

    def __init__(self) -> None:
        self.farewell: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, path: str, job_id: str, room: str) -> None:
        """Report to the worker, and go on doing so until `aclose`.

        Raises:
            OSError: If the worker is not there.
        """
        reader, writer = await asyncio.open_unix_connection(path)
        self._writer = writer
        _send(writer, {"job_id": job_id, "room": room, "pid": os.getpid()})
        self._tasks = [asyncio.create_task(self._listen(reader)), asyncio.create_task(self._beat(writer))]

    async def aclose(self) -> None:
        """Hang up: the call has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                reason = json.loads(line)["farewell"]
                if not self.farewell.done():
                    self.farewell.set_result(reason)

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        # From a task of the event loop: one that is blocked sends nothing, which is the point.
        with suppress(OSError):
            while True:
                writer.write(b"\n")
                await writer.drain()
                await asyncio.sleep(BEAT_S)


def _send(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
