"""Which jobs the worker takes: no more than it may hold, whatever comes at once."""

import structlog
from livekit.agents import AgentServer, JobRequest
from livekit.agents.worker import _DefaultLoadCalc

from agent.dispatch import parse_dispatch
from agent.errors import DispatchError
from agent.ops import metrics
from agent.ops.meters import Refusal
from agent.ops.share import memory_share
from agent.ops.starts import StartWatch
from config.groups import WorkerSettings

log = structlog.stdlib.get_logger(__name__)

_MOST = 0.69
"""The highest load of a worker that would take a call."""


class Admission:
    """Accepts jobs up to limits that hold even for a burst on a cold worker.

    The framework's own limit is switched off: it guesses what accepted jobs will need, and refuses calls that fit.
    """

    def __init__(self, server: AgentServer, settings: WorkerSettings, starts: StartWatch):
        self._server = server
        self._settings = settings
        self._starts = starts
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
        cpu, broken = cpu_share(self._server), self._starts.hopeless
        if (refused := refusal(self._settings, len(taken), memory_share(), cpu, broken=broken)) is not None:
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


def cpu_share(server: AgentServer) -> float:
    """CPU in use, 0 to 1, of what this process may use; an average of some seconds."""
    return float(_DefaultLoadCalc.get_load(server))


def current_load(settings: WorkerSettings, starts: StartWatch, server: AgentServer) -> float:
    """What LiveKit's server is told of this worker."""
    calls, broken = len(server.active_jobs), starts.hopeless
    return load(settings, calls, memory_share(), cpu_share(server), broken=broken)


def load(settings: WorkerSettings, calls: int, memory: float, cpu: float, *, broken: bool = False) -> float:
    """How full the worker is, 0 to 1.

    LiveKit's server asks the node whose workers have most room below 0.7 (its `agents.target_load`), and nobody else if
    those refuse. So who would refuse reports 1, and whoever would not stays below 0.7.

    Args:
        settings: The limits.
        calls: Those that run.
        memory: Share in use, 0 to 1.
        cpu: The same.
        broken: Whether job processes can't start.
    """
    if refusal(settings, calls, memory, cpu, broken=broken) is not None:
        return 1.0
    return min(cpu, _MOST) if settings.max_load else _MOST * calls / settings.max_jobs


def refusal(
    settings: WorkerSettings, calls: int, memory: float, cpu: float, *, broken: bool = False
) -> tuple[Refusal, str] | None:
    """Why no further job is taken, as a label and in words; `None` if one is.

    Args:
        settings: The limits.
        calls: Those that run or are about to.
        memory: Share in use, 0 to 1.
        cpu: The same.
        broken: Whether job processes can't start.
    """
    if broken:
        return "broken", "job processes can't start"
    if calls >= settings.max_jobs:
        return "full", f"{calls} calls already"
    if settings.max_memory and memory >= settings.max_memory:
        return "memory", f"{memory:.0%} of memory in use"
    if settings.max_load and cpu >= settings.max_load:
        return "load", f"{cpu:.0%} of CPU in use"
    return None
