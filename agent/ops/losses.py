"""Job processes that ended otherwise than they should: each is one log line, and can be counted."""

import signal
from collections.abc import Callable, MutableMapping
from dataclasses import asdict, dataclass

import structlog
from livekit.agents import AgentServer
from livekit.agents.ipc.job_executor import JobExecutor

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Loss:
    """A job process that was lost.

    Attributes:
        job_id: Its job.
        room: The room of its call.
        reason: `hung`, `late` (it did not end in time when the worker stopped), `memory` (over the limit), `signal` (it
            crashed, or somebody else ended it) or `exit` (it ended by itself, with an error).
        exit_code: As the system tells it: a negative one is a signal's number.
    """

    job_id: str
    room: str
    reason: str
    exit_code: int


def why_lost(exit_code: int, *, condemned: str | None, supervised: bool) -> str | None:
    """Why a process is lost; `None` if it ended in good order.

    Args:
        exit_code: As the system tells it.
        condemned: Why we ended it, if we did.
        supervised: Whether the framework ended it, which it does over the memory limit.
    """
    if condemned is not None:
        return condemned
    if exit_code == 0:
        return None
    if supervised or exit_code == -signal.SIGUSR1:  # its first blow, which a job process does not survive
        return "memory"
    return "signal" if exit_code < 0 else "exit"


class LossWatch:
    """Follows the framework's pool of processes.

    The framework logs such an end but tells nobody, so this listens to its private pool: the one place that does, held
    by `tests/unit/test_framework_facts.py`.
    """

    def __init__(
        self, server: AgentServer, condemned: MutableMapping[int, str], on_loss: Callable[[Loss], None] = lambda _: None
    ):
        """`condemned` has the reason for each process that we ended ourselves; `on_loss` is told of every loss."""
        self._server = server
        self._condemned = condemned
        self._on_loss = on_loss
        server.on("worker_started", self._follow)

    def _follow(self) -> None:
        self._server._proc_pool.on("process_closed", self._on_closed)  # noqa: SLF001 - see above

    def _on_closed(self, process: JobExecutor) -> None:
        running = process.running_job
        exit_code = getattr(process, "exitcode", 0) or 0
        pid = getattr(process, "pid", None)
        reason = why_lost(
            exit_code,
            condemned=self._condemned.pop(pid, None) if pid is not None else None,
            supervised=getattr(process, "killed", False),
        )
        if running is None or reason is None:
            return
        loss = Loss(running.job.id, running.job.room.name, reason, exit_code)
        log.error("job_lost", pid=pid, **asdict(loss))
        self._on_loss(loss)
