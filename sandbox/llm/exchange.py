"""One completion on its way from the request to the answer."""

from dataclasses import dataclass

from aiohttp import web

from sandbox.control.entries import Entry
from sandbox.control.faults import Fault
from sandbox.control.state import State
from sandbox.llm.completion import Completion


@dataclass
class Exchange:
    """A request and what is known of it."""

    request: web.Request
    state: State
    entry: Entry
    asked: Completion
    fault: Fault | None
    received: float
    """Loop time when the request arrived."""

    @property
    def slow_s(self) -> float:
        """Seconds added by an ordered fault."""
        return self.fault.delay_ms / 1000 if self.fault and self.fault.kind == "slow" else 0.0

    @property
    def cut(self) -> bool:
        """Whether the answer ends in its middle, as ordered."""
        return self.fault is not None and self.fault.kind == "cut"
