"""Which jobs the worker takes: no more than it may hold, whatever comes at once."""

import structlog
from livekit.agents import AgentServer, JobRequest
from livekit.agents.worker import _DefaultLoadCalc

from agent.dispatch import parse_dispatch
from agent.errors import DispatchError
from agent.ops import metrics
from agent.ops.meters import Refusal
from agent.ops.share import memory_share
from config.groups import WorkerSettings

log = structlog.stdlib.get_logger(__name__)


class Admission:
    """Accepts jobs up to limits that hold even for a burst on a cold worker.

    CPU is the framework's part, as it also tells the server of it; see `WORKER__MAX_LOAD`.
    """

    def __init__(self, server: AgentServer, settings: WorkerSettings):
        self._server = server
        self._settings = settings
        self._starting: set[str] = set()

    async def answer(self, request: JobRequest) -> None:
        """Accept, or say no in a way that lets the server ask another worker."""
        try:
            parse_dispatch(request.job.metadata)
        except DispatchError as error:
            log.error("job_refused", job_id=request.id, room=request.room.name, reason=str(error))  # noqa: TRY400
            metrics.job_refused("invalid")
            await request.reject(terminate=True)  # no other worker would find it valid
            return
        # The framework samples load, so jobs that are accepted but not yet running must be counted here.
        taken = self._starting | {running.job.id for running in self._server.active_jobs}
        if (refused := refusal(self._settings, len(taken), memory_share())) is not None:
            kind, reason = refused
            log.info("job_refused", job_id=request.id, room=request.room.name, reason=reason)
            metrics.job_refused(kind)
            await request.reject(terminate=False)
            return
        self._starting.add(request.id)
        try:
            await request.accept()
            metrics.job_accepted()
        finally:
            self._starting.discard(request.id)


def current_load(settings: WorkerSettings, server: AgentServer) -> float:
    """What LiveKit's server is told of this worker; the framework asks twice a second."""
    calls = len(server.active_jobs)
    return load(settings, calls, memory_share(), _DefaultLoadCalc.get_load(server) if settings.max_load else 0.0)


def load(settings: WorkerSettings, calls: int, memory: float, cpu: float) -> float:
    """How full the worker is, 0 to 1.

    LiveKit's server passes over a worker from 0.7 on (its `agents.target_load`), and prefers the node whose workers
    have most room below that. So who would refuse reports 1, or a node full of such workers would be asked before
    others; and where CPU is not to count (`WORKER__MAX_LOAD=0`) even the last call but one stays below.

    Args:
        settings: The limits.
        calls: Those that run.
        memory: Share in use, 0 to 1.
        cpu: The same.
    """
    if refusal(settings, calls, memory) is not None:
        return 1.0
    return cpu if settings.max_load else 0.6 * calls / settings.max_jobs


def refusal(settings: WorkerSettings, calls: int, memory: float) -> tuple[Refusal, str] | None:
    """Why no further job is taken, as a label and in words; `None` if one is.

    Args:
        settings: The limits.
        calls: Those that run or are about to.
        memory: Share in use, 0 to 1.
    """
    if calls >= settings.max_jobs:
        return "full", f"{calls} calls already"
    if settings.max_memory and memory >= settings.max_memory:
        return "memory", f"{memory:.0%} of memory in use"
    return None
