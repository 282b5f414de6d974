"""A job process: what it loads before a call comes, and how it begins one."""

import asyncio

import anyio._backends._asyncio  # noqa: F401 - the model's client imports it on first use, which would stall a call
import structlog
from livekit.agents import JobContext, JobProcess

from agent.assistant import DEFAULT_INSTRUCTIONS
from agent.background import Background, load_background
from agent.call import Call
from agent.dispatch import parse_dispatch
from agent.intercom import Extension
from agent.ops.log import configure_job
from agent.pipeline import build_session, load_vad
from agent.providers import build_llm
from agent.rehearsal import rehearse
from agent.toolbox import load_tools
from config.settings import Settings, load_settings

log = structlog.stdlib.get_logger(__name__)


def prewarm(process: JobProcess, *, intercom: str) -> None:
    """Load what is slow before a job comes: whatever a call imported on first use would stall its audio.

    The worker is to be found at `intercom`.
    """
    settings = load_settings()
    configure_job(settings.log)
    process.userdata["intercom"] = intercom
    process.userdata["settings"] = settings
    process.userdata["instructions"] = _instructions(settings)
    process.userdata["vad"] = load_vad(settings.turn)
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
    extension = Extension()
    ctx.add_shutdown_callback(extension.aclose)
    try:
        await extension.connect(ctx.proc.userdata["intercom"], ctx.job.id, ctx.job.room.name)
    except OSError as error:
        log.warning("intercom_failed", error=type(error).__name__)  # the call itself can do without
    try:
        await _begin(ctx, extension)
    except Exception as error:
        # The framework logs the traceback and ends the job, whose process then ends as if all were well.
        log.error("job_lost", reason="crashed", error=type(error).__name__)  # noqa: TRY400
        raise


async def _begin(ctx: JobContext, extension: Extension) -> None:
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
    call = Call(
        ctx,
        settings,
        build_session(settings, ctx.proc.userdata["vad"], ctx.proc.userdata["llm"]),
        instructions=dispatch.instructions or ctx.proc.userdata["instructions"],
        background=background,
        tools=ctx.proc.userdata["tools"],
        only_for=dispatch.participant_identity,
        farewell=extension.farewell,
    )
    await call.start()


def _instructions(settings: Settings) -> str:
    path = settings.agent.instructions_file
    return DEFAULT_INSTRUCTIONS if path is None else path.read_text(encoding="utf-8")
