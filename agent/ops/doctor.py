"""Examines settings, server and providers before the first call does."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from agent.ops.finding import Finding, Verdict
from agent.ops.log import configure_parent
from agent.ops.verdict import too_slow
from config.problems import ConfigError
from config.settings import Settings, load_settings

Choice = TypeVar("Choice")

LIMIT_S: Final = 10.0
"""Seconds for one check; where a setting gives the service longer, it has that."""

_SERVER, _CLOCK, _KEY, _STT, _LLM, _TTS, _IMAGES = NAMES = (
    "LiveKit server",
    "LiveKit clock",
    "LiveKit key",
    "speech to text",
    "model",
    "text to speech",
    "images",
)
_REALTIME: Final = "realtime model"


def examine() -> list[Finding]:
    """Check everything there is. Blocking, for seconds."""
    began = time.monotonic()
    try:
        settings = load_settings()
    except ConfigError as error:
        return [*_wrong(error.problems), *_skipped(NAMES, "the settings must be right first")]
    _quiet(settings)
    read = Finding("settings", Verdict("ok", "all are valid"), _since(began))
    return [read, *asyncio.run(_contact(settings))]


def _quiet(settings: Settings) -> None:
    """The report tells all there is to tell; `LOG__LEVEL=debug` shows what libraries say, on standard error."""
    configure_parent(settings.log)
    if settings.log.level != "debug":
        logging.disable(logging.CRITICAL)


async def _contact(settings: Settings) -> list[Finding]:
    from agent.ops import checks  # noqa: PLC0415 - seconds of imports: wrong settings need not wait for them

    agent = settings.agent
    images_s = LIMIT_S + agent.fetch_timeout_s + len(agent.images) * settings.uploads.decode_timeout_s
    livekit, others = await asyncio.gather(
        _livekit(settings),
        asyncio.gather(
            *_providers(settings),
            _run(_IMAGES, lambda: checks.check_images(settings), images_s),
        ),
    )
    return [*livekit, *others]


def _providers(settings: Settings) -> list[Awaitable[Finding]]:
    from agent.ops import provider_checks as providers  # noqa: PLC0415 - see above

    def llm() -> list[Awaitable[Finding]]:
        return _each(_LLM, settings.llm.chain, partial(providers.check_llm, settings), settings.llm.timeout_s)

    if settings.agent.mode == "realtime":
        from agent.ops.realtime_check import check_realtime  # noqa: PLC0415 - see above

        judge = llm() if settings.watch.prompt else []
        return [_run(_REALTIME, lambda: check_realtime(settings), 2 * LIMIT_S), *judge]
    return [
        *_each(_STT, settings.stt.chain, partial(providers.check_stt, settings)),
        *llm(),
        *_each(_TTS, settings.tts.chain, partial(providers.check_tts, settings)),
    ]


def _each(
    name: str, chain: Sequence[Choice], check: Callable[[Choice], Awaitable[Verdict]], limit_s: float = LIMIT_S
) -> list[Awaitable[Finding]]:
    """A check for a provider, and for each that steps in: nobody should learn of its faults only then."""
    names = [name, *(f"{name}, fallback {number}" for number in range(1, len(chain)))]
    checks = [partial(check, choice) for choice in chain]
    return [_run(name, one, max(LIMIT_S, limit_s)) for name, one in zip(names, checks, strict=True)]


async def _livekit(settings: Settings) -> list[Finding]:
    from agent.ops import checks  # noqa: PLC0415 - see above

    server = await _run(_SERVER, lambda: checks.check_server(settings))
    if server.verdict.status == "failed":
        return [server, *_skipped((_CLOCK, _KEY), "the server must be reached first")]
    return [
        server,
        await _run(_CLOCK, lambda: checks.check_clock(settings)),
        await _run(_KEY, lambda: checks.check_key(settings)),
    ]


async def _run(name: str, check: Callable[[], Awaitable[Verdict]], limit_s: float = LIMIT_S) -> Finding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit_s):
            verdict = await check()
    except TimeoutError:
        verdict = too_slow(limit_s)
    except Exception as error:
        # One check must not take the others with it. Without the error's text, which may be anything.
        advice = "This is unexpected: LOG__LEVEL=debug shows more."
        logging.getLogger(__name__).debug("check_failed", exc_info=True)
        verdict = Verdict("failed", f"ended with {type(error).__name__}", advice, "unknown")
    return Finding(name, verdict, None if verdict.status == "skipped" else _since(began))


def _wrong(problems: Sequence[str]) -> list[Finding]:
    """One for each setting that is wrong, under its name."""
    parts = [problem.partition(": ") for problem in problems]
    advice = "Correct it: .env.example tells every setting."
    return [Finding(name, Verdict("failed", found, advice, "settings")) for name, _, found in parts]


def _skipped(names: Sequence[str], why: str) -> list[Finding]:
    return [Finding(name, Verdict("skipped", why)) for name in names]


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
