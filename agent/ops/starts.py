"""Whether job processes can start: a worker whose processes can't would take calls that nobody serves."""

from collections.abc import Callable

import structlog
from livekit.agents import AgentServer
from livekit.agents.ipc.job_executor import JobExecutor

log = structlog.stdlib.get_logger(__name__)


class StartWatch:
    """Follows the framework's pool of processes, which registers a worker whether or not one of them could start.

    It reads the private pool as `agent.ops.losses` does, and is held by the same tests.

    Attributes:
        possible: False from a process that could not start to one that could.
    """

    def __init__(self, idle_processes: int, on_failure: Callable[[], None]):
        """With no process kept warm only a call tries; `on_failure` is told of each that could not start."""
        self.possible = True
        self._idle_processes = idle_processes
        self._on_failure = on_failure

    @property
    def hopeless(self) -> bool:
        """Whether a call would fail. Without processes kept warm only a call can tell, so none is refused for that."""
        return not self.possible and self._idle_processes > 0

    def follow(self, server: AgentServer) -> None:
        """Begin; before the server runs."""

        def begin() -> None:
            pool = server._proc_pool  # noqa: SLF001 - see above
            # The framework has waited for the first ones by now, for as long as they may take.
            self.possible = not self._idle_processes or pool._idle_ready.is_set()  # noqa: SLF001 - see above
            pool.on("process_ready", self._on_ready)
            pool.on("process_closed", lambda process: self._on_closed(process, was_ready=process in pool.processes))

        server.on("worker_started", begin)

    def _on_ready(self, _: JobExecutor) -> None:
        self.possible = True

    def _on_closed(self, process: JobExecutor, *, was_ready: bool) -> None:
        # The pool drops a process before it tells of its end only where it never got ready.
        if was_ready:
            return
        self.possible = False
        log.error("job_process_not_started", pid=getattr(process, "pid", None), exit_code=_exit_code(process))
        self._on_failure()


def _exit_code(process: JobExecutor) -> int | None:
    code: int | None = getattr(process, "exitcode", None)
    return code
