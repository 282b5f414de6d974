"""The contenders: the documented recipe and ours, each as a worker of its own on the same server."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import stalls
from sandbox.process import Service
from sandbox.stack import HOST, Address, answers, free_port, worker_env

START_TIMEOUT_S = 120.0
PID_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Contender:
    """A worker to be measured.

    Attributes:
        name: As in the results; its agent's name too.
        stock: Whether it is the documented recipe; else it is ours.
        settings: Environment variables on top of those that both have.
    """

    name: str
    stock: bool
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


STOCK = Contender("stock", stock=True)
STOCK_PATIENT = Contender("stock-without-preemption", stock=True, settings={"STOCK_PREEMPTIVE": "0"})
STOCK_JOINED = Contender(
    "stock-room-first", stock=True, settings={**STOCK_PATIENT.settings, "STOCK_CONNECT_FIRST": "1"}
)
OURS = Contender("ours", stock=False, settings={"VISION__ATTENTION": "always"})
OURS_ADAPTIVE = Contender("ours-adaptive", stock=False, settings={"VISION__ATTENTION": "adaptive"})
OURS_OFF = Contender("ours-sight-off", stock=False, settings={"VISION__SOURCE": "off"})


class Worker:
    """A contender that runs."""

    def __init__(self, contender: Contender, logs: Path) -> None:
        self.contender = contender
        self._log = logs / f"{contender.name}-{free_port()}.log"
        self._service: Service | None = None

    @property
    def name(self) -> str:
        """The contender's."""
        return self.contender.name

    @property
    def pid(self) -> int:
        """Process id of the worker itself."""
        assert self._service is not None, "it was started"
        return self._service.pid

    async def start(self, address: Address, sandbox_url: str, *, timed: bool = False) -> None:
        """Start it and wait until it is registered; `timed` to have `callbacks` lines in its log."""
        port = free_port()
        env = {
            **os.environ,
            # Whatever the machine is busy with, every call is taken.
            "WORKER__MAX_LOAD": "0",
            "WORKER__MAX_MEMORY": "0",
            "WORKER__HTTP_HOST": HOST,
            "WORKER__HTTP_PORT": str(port),
            "LOG__FORMAT": "json",
            **worker_env(address, sandbox_url),
            "LIVEKIT_AGENT_NAME": self.name,
            **self.contender.settings,
        }
        if timed:
            env[stalls.SWITCH] = "1"
        module = "bench.stock" if self.contender.stock else "bench.ours" if timed else "agent"
        self._service = Service(self.name, [sys.executable, "-m", module, "start"], log=self._log, env=env)

        async def registered() -> bool:
            # The framework's own endpoint answers 200 before it has connected: its log is the one to ask.
            if self.contender.stock:
                return "registered worker" in self._log.read_text(encoding="utf-8", errors="replace")
            return await answers(f"http://{HOST}:{port}/readyz")

        await self._service.start(registered, timeout_s=START_TIMEOUT_S)

    async def aclose(self) -> None:
        """End it, and with it its calls."""
        if self._service is not None:
            await self._service.aclose()

    async def job_pid(self, room: str) -> int:
        """The process that serves a room.

        Raises:
            TimeoutError: If the worker does not say.
        """
        async with asyncio.timeout(PID_TIMEOUT_S):
            while True:
                for line in self.logged("call_started"):
                    if line["room"] == room:
                        return int(line["pid"])
                await asyncio.sleep(0.1)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Its log's lines of one event, oldest first."""
        lines = map(_object, self._log.read_text(encoding="utf-8", errors="replace").splitlines())
        return [line for line in lines if line.get("event") == event]

    def tail(self) -> str:
        """The last lines of its log."""
        return self._service.tail() if self._service is not None else ""


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:  # the framework's banner, or a traceback
        return {}
    return found if isinstance(found, dict) else {}
