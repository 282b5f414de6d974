"""A service of the sandbox's stack: a child process that is ready when it says so, and surely gone when ended."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import IO

_POLL_S = 0.1
_PATIENCE_S = 5.0
"""Seconds a service may take after each request to stop, before the next, harder one."""


class ServiceError(Exception):
    """A service did not come up; the message ends with the last lines of its log."""


class Service:
    """One child process with its log in a file.

    It runs in a session of its own, so that a Ctrl-C in the terminal reaches only us, and we end it in good order.
    """

    def __init__(self, name: str, command: list[str], *, log: Path, env: Mapping[str, str] | None = None):
        self.name = name
        self.log = log
        self._command = command
        self._env = dict(env) if env is not None else None
        self._process: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        if self._process is None:
            raise ServiceError(f"{self.name} is not running")
        return self._process.pid

    async def start(self, ready: Callable[[], Awaitable[bool]], *, timeout_s: float = 60.0) -> None:
        """Start it and wait until `ready` says so.

        Raises:
            ServiceError: If it ends before, or takes longer than `timeout_s`.
        """
        await self.spawn()
        try:
            async with asyncio.timeout(timeout_s):
                while not await ready():
                    if self._process is not None and self._process.returncode is not None:
                        raise ServiceError(f"{self.name} ended with {self._process.returncode}:\n{self.tail()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ServiceError(f"{self.name} is not ready after {timeout_s:g} s:\n{self.tail()}") from None

    async def spawn(self) -> None:
        """Start it without waiting."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self._output is not None:  # it ran before
            self._output.close()
        self._output = self.log.open("wb")
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def wait(self) -> int:
        """Wait until it has ended; its exit code."""
        if self._process is None:
            raise ServiceError(f"{self.name} is not running")
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def aclose(self) -> None:
        """End it: twice politely, then by force, and with it whatever it has started."""
        if self._process is not None:
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
                self.signal(number)
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        await self._process.wait()
                    break
                except TimeoutError:
                    continue
            with contextlib.suppress(ProcessLookupError):  # raised when no child outlived it
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._output is not None:
            self._output.close()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
