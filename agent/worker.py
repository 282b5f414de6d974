"""The worker: registers with the LiveKit server, drains and stops."""

import asyncio
import math
import os
import signal
from collections.abc import Awaitable
from functools import partial

import structlog
from livekit.agents import AgentServer, JobContext, JobProcess

from agent.admission import Admission, current_load
from agent.errors import ServerUnreachableError
from agent.intercom import Intercom
from agent.ops import metrics
from agent.ops.health import HealthServer, Registration
from agent.ops.losses import LossWatch
from agent.ops.reports import ReportDesk
from agent.ops.server import ask_server
from agent.ops.starts import StartWatch
from config.groups import WorkerSettings
from config.settings import Settings

log = structlog.stdlib.get_logger(__name__)

_RETRY_S = 1.0
_FOREVER = 2**31
"""Once registered, a lost server is retried for as long as the process lives: calls may still be running."""
_CLOSE_S = 5.0
"""Seconds calls have to close when they are ended at once."""


# The parent never runs a call, so it never imports what one needs: it is ready seconds earlier. Job processes are
# forked from a server that has imported agent.job once and for all of them, and share that memory.
_PRELOADED = "agent.job"


def prewarm(process: JobProcess, *, intercom: str, reports: str) -> None:
    """In a new job process: see `agent.job.prewarm`."""
    from agent.job import prewarm as prewarm_job  # noqa: PLC0415

    prewarm_job(process, intercom=intercom, reports=reports)


async def run_call(ctx: JobContext) -> None:
    """In a job process: see `agent.job.run_call`."""
    from agent.job import run_call as run  # noqa: PLC0415

    await run(ctx)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT: the first lets running calls end, the second ends them at once.

    Raises:
        ServerUnreachableError: If the LiveKit server can't be reached at the start.
        ServerRefusedError: If it refuses the key and secret.
        OSError: If the health port is taken.
    """
    stop = _Stop()
    await _first(stop.asked.wait(), _reach(settings))
    if stop.asked.is_set():
        return
    reports = ReportDesk()
    intercom = Intercom(hang_timeout_s=settings.worker.hang_timeout_s)
    starts = StartWatch(settings.worker.idle_processes, on_failure=metrics.process_not_started)
    server = build_server(settings, intercom.path, reports.address, starts)
    registration = Registration(server, starts)
    metrics.watch_worker(
        settings.worker.max_jobs,
        running=lambda: len(server.active_jobs),
        ready=registration.ready,
        draining=lambda: server.draining,
    )
    LossWatch(server, intercom.condemned, on_loss=lambda loss: metrics.job_lost(loss.reason))
    health = HealthServer(settings.worker, registration)
    await reports.start()
    await intercom.start()
    await health.start()
    running = asyncio.create_task(server.run())
    try:
        await _first(stop.asked.wait(), asyncio.shield(running))
        if not running.done():
            log.info("draining", timeout_s=settings.worker.drain_timeout_s)
            await _first(stop.insisted.wait(), _drain(server, intercom, settings.worker))
    finally:
        await _close(server, intercom)
        await health.aclose()
        await intercom.aclose()
        await reports.aclose()
    await running
    log.info("stopped")


def build_server(settings: Settings, intercom: str, reports: str, starts: StartWatch) -> AgentServer:
    """The framework's server, configured; nothing is contacted yet.

    Job processes find the worker at `intercom`, and report what they count to `reports`; `starts` learns which can't.
    """
    services, worker = settings.services, settings.worker
    # The weights of a turn detector, which job processes share: loaded only where calls use it.
    os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", str(int(settings.turn.detection == "model")))
    # ONNX Runtime, which the VAD runs on, sends usage data to its maker unless told not to before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # The framework hands these two to its job processes as variables, which JobContext.api reads: a file beside them
    # would be one too many for `load_settings` there, and may hold something else by then.
    for name in ("LIVEKIT_API_KEY_FILE", "LIVEKIT_API_SECRET_FILE"):
        os.environ.pop(name, None)
    server = AgentServer(
        ws_url=services.livekit_url,
        api_key=services.livekit_api_key,
        api_secret=services.livekit_api_secret.get_secret_value(),
        load_threshold=math.inf,  # see Admission
        load_fnc=partial(current_load, worker, starts),
        num_idle_processes=worker.idle_processes,
        initialize_process_timeout=worker.init_timeout_s,
        drain_timeout=worker.drain_timeout_s,
        shutdown_process_timeout=_CLOSE_S,
        job_memory_limit_mb=worker.job_memory_limit_mb,
        job_memory_warn_mb=0.8 * worker.job_memory_limit_mb,
        setup_fnc=partial(prewarm, intercom=intercom, reports=reports),
        preload_modules=[_PRELOADED],
        max_retry=_FOREVER,
        log_level=settings.log.level.upper(),
        # Its own endpoint answers 200 before it ever connected: ours is the one to ask.
        host="127.0.0.1",
        port=0,
    )
    starts.follow(server)
    admission = Admission(server, worker, starts)
    server.rtc_session(run_call, agent_name=services.livekit_agent_name, on_request=admission.answer)
    return server


async def _reach(settings: Settings) -> None:
    """Ask the server something small until it answers: the framework takes a wrong key for a lost connection."""
    services, limit = settings.services, settings.worker.connect_timeout_s
    reason = "no answer"
    try:
        async with asyncio.timeout(limit):
            while True:
                try:
                    await ask_server(services)
                except ServerUnreachableError as error:
                    reason = str(error)
                else:
                    return
                log.warning("server_not_reached", url=services.livekit_url, reason=reason)
                await asyncio.sleep(_RETRY_S)
    except TimeoutError:
        raise ServerUnreachableError(f"{services.livekit_url} not reached within {limit:g} s: {reason}") from None


async def _drain(server: AgentServer, intercom: Intercom, settings: WorkerSettings) -> None:
    limit_s = settings.drain_timeout_s
    # The framework ends calls without a word, so they are told before it would.
    notice = asyncio.get_running_loop().call_later(
        limit_s - min(settings.goodbye_s, limit_s / 2), intercom.farewell, "draining"
    )
    try:
        await server.drain(timeout=limit_s)
    except TimeoutError:
        log.warning("drain_timed_out", calls=len(server.active_jobs))
        intercom.end_all("late")
    finally:
        notice.cancel()


async def _close(server: AgentServer, intercom: Intercom) -> None:
    closing = asyncio.create_task(server.aclose())
    await asyncio.wait({closing}, timeout=_CLOSE_S)
    if not closing.done():
        intercom.end_all("late")
    await closing


class _Stop:
    """SIGTERM and SIGINT: once is a request, twice is an order."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        (self.insisted if self.asked.is_set() else self.asked).set()


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait for the first to finish, raise what it raised, and cancel the others."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
