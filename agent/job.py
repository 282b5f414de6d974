"""A job process: what it loads before a call comes, and how it begins one."""

import asyncio
import time

import anyio._backends._asyncio  # noqa: F401 - the model's client imports it on first use, which would stall a call
import structlog
from livekit.agents import JobContext, JobProcess

from agent.assistant import DEFAULT_INSTRUCTIONS
from agent.background import Background, load_background
from agent.call import Call
from agent.dispatch import parse_dispatch
from agent.farewell import ENDING
from agent.intercom import Extension
from agent.ops import metrics
from agent.ops.log import configure_job
from agent.ops.reports import Reporter
from agent.ops.traces import start_traces
from agent.pipeline import build_session, load_vad
from agent.providers import build_llm
from agent.realtime.conversation import INSTRUCTIONS as LIVE_INSTRUCTIONS
from agent.realtime.model import build_realtime_session, edges_of, for_realtime
from agent.rehearsal import rehearse
from agent.toolbox import load_tools
from agent.trace import CallTrace
from config.settings import Settings, load_settings

log = structlog.stdlib.get_logger(__name__)


def prewarm(process: JobProcess, *, intercom: str, reports: str) -> None:
    """Load what is slow before a job comes: whatever a call imported on first use would stall its audio.

    The worker is to be found at `intercom`, and takes what is counted at `reports`.
    """
    settings = load_settings()
    configure_job(settings.log)
    try:
        metrics.send_to(Reporter(reports))
    except OSError:
        log.warning("counts_not_reported", exc_info=True)  # a call matters more than its count
    process.userdata["intercom"] = intercom
    process.userdata["settings"] = settings
    process.userdata["traces"] = start_traces(settings.telemetry)
    process.userdata["instructions"] = _instructions(settings)
    live = settings.agent.mode == "realtime"
    if live and settings.realtime.provider == "google":
        from agent.realtime.gemini_model import warm_up  # noqa: PLC0415 - an extra, and seconds of imports

        warm_up()
    process.userdata["vad"] = load_vad(edges_of(settings.turn) if live else settings.turn)
    process.userdata["llm"] = build_llm(settings)
    process.userdata["tools"] = load_tools(settings.agent.tools)
    if settings.agent.mcp_servers:
        from livekit.agents.llm import mcp  # noqa: F401, PLC0415 - a second of imports that a call would hear
    process.userdata["background"] = background = asyncio.run(load_background(settings))
    for problem in background.problems:
        # Known before the first call, and no reason to have none at all: the model is told.
        log.error("image_unavailable", problem=f"AGENT__IMAGES: {problem}")
    rehearse()


async def run_call(ctx: JobContext) -> None:
    """The job's entry point; returns when the call stands, which then lives until its room or caller is gone."""
    ctx.log_context_fields = {"job_id": ctx.job.id, "room": ctx.job.room.name}
    trace = _watch(ctx)
    extension = Extension()
    ctx.add_shutdown_callback(extension.aclose)
    try:
        await extension.connect(ctx.proc.userdata["intercom"], ctx.job.id, ctx.job.room.name)
    except OSError as error:
        log.warning("intercom_failed", error=type(error).__name__)  # the call itself can do without
    try:
        await _begin(ctx, extension, trace)
    except Exception as error:
        # The framework logs the traceback and ends the job, whose process then ends as if all were well.
        log.error("job_lost", reason="crashed", error=type(error).__name__)  # noqa: TRY400
        raise


async def _begin(ctx: JobContext, extension: Extension, trace: CallTrace) -> None:
    dispatch = parse_dispatch(ctx.job.metadata)  # `on_request` accepted it, so it is valid
    settings = dispatch.apply(ctx.proc.userdata["settings"])
    ctx.log_context_fields["participant"] = dispatch.participant_identity
    background: Background = ctx.proc.userdata["background"]
    if dispatch.images:
        background = await load_background(settings)
        if background.problems:
            log.error("job_refused", reason="; ".join(background.problems))
            ctx.shutdown("a picture of the dispatch can't be had")
            return
    vad = ctx.proc.userdata["vad"]
    if settings.agent.mode == "realtime":
        settings = for_realtime(settings)
        session = build_realtime_session(settings, vad)
    else:
        session = build_session(settings, vad, ctx.proc.userdata["llm"])
    call = Call(
        ctx,
        settings,
        session,
        instructions=dispatch.instructions or ctx.proc.userdata["instructions"],
        background=background,
        tools=ctx.proc.userdata["tools"],
        only_for=dispatch.participant_identity,
        trace=trace,
        farewell=extension.farewell,
        judge=ctx.proc.userdata["llm"],
    )
    await call.start()


def _watch(ctx: JobContext) -> CallTrace:
    """Count and trace the call from its first moment, so that what fails before it stands is seen as well."""
    settings: Settings = ctx.proc.userdata["settings"]
    trace = CallTrace(
        ctx.proc.userdata["traces"],
        job_id=ctx.job.id,
        room=ctx.job.room.name,
        personal_data=settings.log.personal_data,
    )
    started_at = time.monotonic()

    async def ended(reason: str) -> None:
        reason = ctx.proc.userdata.get(ENDING, reason)
        metrics.call_ended(reason, time.monotonic() - started_at)
        await trace.aclose(reason, ctx.log_context_fields.get("participant"))

    metrics.call_started()
    ctx.add_shutdown_callback(ended)
    return trace


def _instructions(settings: Settings) -> str:
    path = settings.agent.instructions_file
    standard = LIVE_INSTRUCTIONS if settings.agent.mode == "realtime" else DEFAULT_INSTRUCTIONS
    return standard if path is None else path.read_text(encoding="utf-8")
