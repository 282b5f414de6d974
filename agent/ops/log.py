"""Structured logs: one renderer for our events and LiveKit's records, in the parent and in job processes."""

import logging
import sys
from datetime import UTC, datetime

import structlog
from structlog.types import EventDict, Processor

from agent.ops.privacy import without_personal_data
from config.groups import LogSettings

_NOISY = ("aiohttp.access", "asyncio", "httpcore", "httpcore2", "httpx", "httpx2", "mcp", "openai", "livekit")
"""Libraries that report their own internals at info; ours and LiveKit's agent framework stay."""
_DETAILED = ("agent", "livekit.agents")
"""Who says more at `debug`. No library does: some write whole requests there, pictures and all."""
_add_extras = structlog.stdlib.ExtraAdder()


def configure_parent(settings: LogSettings) -> None:
    """Render every record of this process, and those that job processes send it, to standard error."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    last: list[Processor] = [structlog.processors.JSONRenderer()] if as_json else [structlog.dev.ConsoleRenderer()]
    if not settings.personal_data:
        last.insert(0, without_personal_data)
    if as_json:
        last.insert(0, structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_extras, *_shared(), _split_traceback, _without_message],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    _root(settings, handler)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *_shared(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def configure_job(settings: LogSettings) -> None:
    """In a job process: turn events into plain records, which the framework's pipe carries to the parent.

    `wrap_for_formatter` would not survive that pipe, so fields travel as the record's extras.
    """
    _levels(settings)
    logging.getLogger("livekit").addFilter(_Harmless())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _record_time,
    ]


def _root(settings: LogSettings, handler: logging.Handler) -> None:
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    _levels(settings)


def _levels(settings: LogSettings) -> None:
    level = settings.level.upper()
    logging.getLogger().setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in _DETAILED:
        logging.getLogger(name).setLevel(level)


def _record_time(_: object, __: str, event: EventDict) -> EventDict:
    """The moment of the record, not of its rendering: records of job processes arrive later."""
    record = event.get("_record")
    at = datetime.fromtimestamp(record.created, UTC) if isinstance(record, logging.LogRecord) else datetime.now(UTC)
    event["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


class _Harmless(logging.Filter):
    """Native warnings about what we do on purpose, one a frame in the worst case: keeping only the newest frame."""

    _PARTS = ("native video stream queue overflow", "Attempted to drop unknown FFI handle")

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(part in message for part in self._PARTS)


def _without_message(_: object, __: str, event: EventDict) -> EventDict:
    """A record that came through the pipe bears its text twice."""
    event.pop("message", None)
    return event


def _extras(logger: logging.Logger, method: str, event: EventDict) -> EventDict:
    """The record's own fields; one that is called `event` must not hide the message."""
    message = event["event"]
    return {**_add_extras(logger, method, event), "event": message}


def _split_traceback(_: object, __: str, event: EventDict) -> EventDict:
    """The pipe from a job process glues a traceback to the message: an event is a name, so take it off again."""
    record = event.get("_record")
    traceback = getattr(record, "exc_text", None)
    message = event.get("event")
    if traceback and isinstance(message, str) and message.endswith(traceback):
        event["event"] = message.removesuffix(traceback).rstrip("\n")
        event["exception"] = traceback
        event.pop("exc_info", None)
    return event
