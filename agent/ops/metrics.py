"""What is counted and measured: a function for each thing that happens.

A job process sends what it counts to the parent, which alone holds the registry (`agent.ops.reports`); everywhere else
it goes into the registry of its own process.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from prometheus_client.metrics import MetricWrapperBase

from agent.errors import UploadCode
from agent.ops.meters import (
    ACCEPTED,
    CALL_DURATION,
    CALLS_ENDED,
    CALLS_STARTED,
    ENDINGS,
    FRAME_AGE,
    FRAME_BYTES,
    FRAME_ENCODE,
    IMAGES,
    JOBS_ACCEPTED,
    JOBS_LOST,
    JOBS_REFUSED,
    LOOP_STALL,
    NAMES,
    PROCESS_STARTS_FAILED,
    PROVIDER_ERRORS,
    PROVIDER_FALLBACKS,
    TOKENS,
    TURN_STAGE,
    TURNS,
    TURNS_BLIND,
    TURNS_FAILED,
    TURNS_SIGHTED,
    UPLOADS,
    WORKER_DRAINING,
    WORKER_MAX_JOBS,
    WORKER_READY,
    WORKER_RUNNING_JOBS,
    Refusal,
    Sample,
    add,
)

Stage = Literal["stt", "llm", "tts", "realtime"]
Counted = tuple[MetricWrapperBase, float, Mapping[str, str]]

STALL_S = 0.05
"""Seconds from which on a block of the event loop is worth counting."""


def call_started() -> None:
    """A job process begins a call."""
    _count((CALLS_STARTED, 1, {}))


def call_ended(reason: str, seconds: float) -> None:
    """It ends, for a reason in the framework's words or ours."""
    _count((CALLS_ENDED, 1, {"reason": ENDINGS.get(reason, "other")}), (CALL_DURATION, seconds, {}))


def turn_completed(event: Mapping[str, Any]) -> None:
    """A `turn_completed` event."""
    sighted = event["frame_sha256"] is not None
    seen: Counted = (TURNS_SIGHTED, 1, {"source": event["frame_source"]})
    blind: Counted = (TURNS_BLIND, 1, {"reason": event["blind_reason"]})
    new = sighted and not event.get("unchanged")
    stages = {"heard": "heard_ms", "first_token": "llm_ttft_ms", "first_sound": "tts_ttfb_ms", "reply": "reply_ms"}
    _count(
        (TURNS, 1, {"kind": event["kind"]}),
        seen if sighted else blind,
        (IMAGES, event["images"], {}),
        *((TOKENS, event[f"tokens_{kind}"], {"type": kind}) for kind in ("in", "cached", "out")),
        *(
            (TURN_STAGE, event[field] / 1000, {"stage": stage})
            for stage, field in stages.items()
            if event[field] is not None
        ),
        *(
            (metric, shot[field] / scale, {"source": shot["frame_source"]})
            for shot in (event.get("frames", [event]) if new else [])
            for metric, field, scale in (
                (FRAME_AGE, "frame_age_ms", 1000),
                (FRAME_ENCODE, "encode_ms", 1000),
                (FRAME_BYTES, "frame_bytes", 1),
            )
        ),
    )


def turn_failed(kind: str) -> None:
    """The model gave no answer to a turn."""
    _count((TURNS_FAILED, 1, {"kind": kind}))


def uploaded(refusal: UploadCode | None = None) -> None:
    """An upload is in the conversation, or refused."""
    _count((UPLOADS, 1, {"code": refusal or ACCEPTED}))


def stalled(seconds: float) -> None:
    """The event loop of a call stood still; a short block is not counted."""
    if seconds >= STALL_S:
        _count((LOOP_STALL, seconds, {}))


def provider_failed(stage: Stage, provider: str) -> None:
    """An attempt at a provider failed; `provider` is its label in the log."""
    _count((PROVIDER_ERRORS, 1, {"stage": stage, "provider": provider}))


def fell_back(stage: Stage, provider: str) -> None:
    """The next of a chain takes over; `provider` is the model that was given up."""
    _count((PROVIDER_FALLBACKS, 1, {"stage": stage, "provider": provider}))


def job_accepted() -> None:
    """The worker takes a job."""
    _count((JOBS_ACCEPTED, 1, {}))


def job_refused(reason: Refusal) -> None:
    """The worker was offered a job and takes it not."""
    _count((JOBS_REFUSED, 1, {"reason": reason}))


def job_lost(reason: str) -> None:
    """A job process ended otherwise than it should."""
    _count((JOBS_LOST, 1, {"reason": reason}))


def process_not_started() -> None:
    """A job process could not start."""
    _count((PROCESS_STARTS_FAILED, 1, {}))


def watch_worker(
    max_jobs: int, *, running: Callable[[], int], ready: Callable[[], bool], draining: Callable[[], bool]
) -> None:
    """Ask these at every scrape."""
    WORKER_MAX_JOBS.set(max_jobs)
    WORKER_RUNNING_JOBS.set_function(running)
    WORKER_READY.set_function(ready)
    WORKER_DRAINING.set_function(draining)


class _Desk:
    """Where what is counted goes."""

    send: Callable[[Sequence[Sample]], None] = staticmethod(add)


def send_to(send: Callable[[Sequence[Sample]], None]) -> None:
    """From now on, what this process counts goes there."""
    _Desk.send = staticmethod(send)


def _count(*counted: Counted) -> None:
    _Desk.send([(NAMES[metric], value, labels) for metric, value, labels in counted])
