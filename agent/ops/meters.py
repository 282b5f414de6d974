"""Every Prometheus metric of the worker. `docs/metrics.md` is the table for people."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from agent.errors import UploadCode

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each, which nobody asks for

Sample = tuple[str, float, Mapping[str, str]]
"""One observation: the metric's name, what is added or observed, and the labels."""
Refusal = Literal["invalid", "full", "memory", "load", "broken"]
"""Why the worker refuses a job."""

ENDINGS = {
    "caller_left": "caller_left",
    "draining": "draining",
    "max_call": "max_call",
    "withdrawn": "withdrawn",
    "room disconnected": "closed",
    "session_failed": "session_failed",
    "a picture of the dispatch can't be had": "refused",
    "job crashed": "failed",
    "parent process shutdown": "closed",
}
"""Why a job ends, in the framework's words and ours, and the label for it. Any other reason is `other`.

The framework tells a room that was closed and a worker that stops by the same words.
"""
CRASHED = "crashed"
"""The label of a call whose process ended without a word."""
BLIND_REASONS = ("none", "muted", "stale", "off", "failed", "starting", "late", "refused")
ACCEPTED = "accepted"

_LATENCY_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_BYTES = (5e3, 1e4, 2e4, 4e4, 8e4, 1.6e5, 3.2e5, 6.4e5, 1.28e6)

CALLS_STARTED = Counter("sighted_calls_started_total", "Calls that began in a job process.")
CALLS_ENDED = Counter("sighted_calls_ended_total", "Calls that ended, by reason.", ["reason"])
CALLS_ACTIVE = Gauge("sighted_calls_active", "Calls that run now.")
CALL_DURATION = Histogram(
    "sighted_call_duration_seconds",
    "How long calls lasted, from the job's start; crashed ones are not in it.",
    buckets=(10, 30, 60, 120, 300, 600, 1200, 1800, 3600),
)
TURNS = Counter("sighted_turns_total", "Turns that the agent answered, by kind.", ["kind"])
TURNS_SIGHTED = Counter("sighted_turns_sighted_total", "Answers made from a picture, by what it showed.", ["source"])
TURNS_BLIND = Counter("sighted_turns_blind_total", "Answers made without a picture, by reason.", ["reason"])
TURNS_FAILED = Counter("sighted_turns_failed_total", "Turns whose answer failed, by kind.", ["kind"])
TURN_STAGE = Histogram(
    "sighted_turn_stage_seconds",
    "Time to: the end of the turn (heard), the model's first_token, the first_sound of it, and the reply as a whole.",
    ["stage"],
    buckets=_LATENCY_S,
)
FRAME_AGE = Histogram(
    "sighted_frame_age_seconds",
    "Age of a picture when the model was asked.",
    ["source"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
FRAME_ENCODE = Histogram(
    "sighted_frame_encode_seconds",
    "Time that making a picture's file took, off the event loop.",
    ["source"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
FRAME_BYTES = Histogram("sighted_frame_bytes", "Size of a picture's file.", ["source"], buckets=_BYTES)
IMAGES = Counter("sighted_images_total", "Pictures in the requests that answers were made from, uploads included.")
TOKENS = Counter(
    "sighted_tokens_total", "Tokens of the model: in, out, and cached, which are part of those in.", ["type"]
)
UPLOADS = Counter("sighted_uploads_total", "Uploads: accepted, or the code of the refusal.", ["code"])
PROVIDER_ERRORS = Counter(
    "sighted_provider_errors_total", "Failed attempts at a provider: stt, llm, tts or realtime.", ["stage", "provider"]
)
PROVIDER_FALLBACKS = Counter(
    "sighted_provider_fallbacks_total",
    "Times that a model of a chain was given up, and the next took over.",
    ["stage", "provider"],
)
LOOP_STALL = Histogram(
    "sighted_loop_stall_seconds",
    "Blocks of a call's event loop of 50 ms or more.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
JOBS_ACCEPTED = Counter("sighted_jobs_accepted_total", "Jobs that the worker took.")
JOBS_REFUSED = Counter("sighted_jobs_refused_total", "Jobs that the worker was offered and refused.", ["reason"])
JOBS_LOST = Counter("sighted_jobs_lost_total", "Job processes that ended otherwise than they should.", ["reason"])
PROCESS_STARTS_FAILED = Counter("sighted_process_starts_failed_total", "Job processes that could not start.")
WORKER_MAX_JOBS = Gauge("sighted_worker_max_jobs", "Calls that the worker takes at the same time at most.")
WORKER_RUNNING_JOBS = Gauge("sighted_worker_running_jobs", "Jobs that the worker runs now.")
WORKER_READY = Gauge(
    "sighted_worker_ready", "1 while the worker is registered, connected, able to start job processes and not draining."
)
WORKER_DRAINING = Gauge("sighted_worker_draining", "1 while the worker lets its calls end and takes no more.")

METRICS: dict[str, MetricWrapperBase] = {
    next(iter(each.describe())).name + ("_total" if isinstance(each, Counter) else ""): each
    for each in list(globals().values())
    if isinstance(each, MetricWrapperBase)
}
"""Every metric by the name under which it is scraped."""

NAMES = {metric: name for name, metric in METRICS.items()}

# A series that begins at its first event hides that event from every rate: what is known beforehand begins at 0.
for _reason in (*ENDINGS.values(), "other", CRASHED):
    CALLS_ENDED.labels(_reason)
for _reason in BLIND_REASONS:
    TURNS_BLIND.labels(_reason)
for _source in ("camera", "screen", "both"):
    TURNS_SIGHTED.labels(_source)
for _kind in ("spoken", "typed", "generated"):
    TURNS.labels(_kind)
    TURNS_FAILED.labels(_kind)
for _code in (ACCEPTED, *get_args(UploadCode)):
    UPLOADS.labels(_code)
for _loss in ("hung", "late", "memory", "signal", "exit"):
    JOBS_LOST.labels(_loss)
for _refusal in get_args(Refusal):
    JOBS_REFUSED.labels(_refusal)


def add(samples: Sequence[Sample]) -> None:
    """Write into the registry of this process."""
    for name, value, labels in samples:
        metric = METRICS[name]
        child = metric.labels(**labels) if labels else metric
        if isinstance(child, Histogram):
            child.observe(value)
        elif isinstance(child, Counter):
            child.inc(value)
        CALLS_ACTIVE.inc((metric is CALLS_STARTED) - (metric is CALLS_ENDED))
