"""The spans of a call: what they tell, when, and what they never tell."""

from typing import Any

import pytest
from livekit.agents.llm import ChatMessage
from livekit.agents.llm.chat_context import MetricsReport
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from agent.trace import CallTrace, attributes, begun, stages

EVENT: dict[str, Any] = {"turn": 1, "llm_ttft_ms": 300, "blind_reason": None, "images": 1, "frames": [{"a": 1}]}


def message(role: str = "user", text: str = "...", **measured: float) -> ChatMessage:
    """A message that the framework has measured."""
    return ChatMessage(
        role=role,  # type: ignore[arg-type]
        content=[text],
        metrics=MetricsReport(**measured),  # type: ignore[typeddict-item]
        created_at=100.0,
    )


QUESTION = message(text="my secret", stopped_speaking_at=99.0, end_of_turn_delay=0.5)
ANSWER = message(
    "assistant",
    "your secret",
    tts_node_ttfb=0.1,
    started_speaking_at=100.0,
    stopped_speaking_at=102.0,
)


class Kept:
    """Spans that are kept for a look."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("test")
        self.closed = False

    async def aclose(self) -> None:
        """All is sent already."""
        self.closed = True

    def named(self, name: str) -> ReadableSpan:
        """The only span of that name."""
        [span] = [span for span in self._exporter.get_finished_spans() if span.name == name]
        return span


def call(kept: Kept, *, personal_data: bool = False) -> CallTrace:
    """A call's trace."""
    return CallTrace(kept, job_id="AJ_1", room="kitchen", personal_data=personal_data)


async def test_turn_is_a_span_below_its_call_with_its_stages_below() -> None:
    """Begun and ended at the times at which things happened, in nanoseconds."""
    kept = Kept()
    trace = call(kept)
    trace.turn(EVENT, QUESTION, ANSWER, 99.2)
    await trace.aclose("caller left", "alice")
    root, turn = kept.named("call"), kept.named("turn")
    assert root.parent is None
    assert dict(root.attributes or {}) == {
        "sighted.job_id": "AJ_1",
        "sighted.room": "kitchen",
        "sighted.reason": "caller left",
        "sighted.participant": "alice",
    }
    assert turn.parent == root.get_span_context()
    assert dict(turn.attributes or {}) == {
        "sighted.turn": 1,
        "sighted.llm_ttft_ms": 300,
        "sighted.images": 1,
        "sighted.frames": '[{"a": 1}]',
    }
    assert (turn.start_time, turn.end_time) == (99_000_000_000, 102_000_000_000)
    token = kept.named("first_token")
    assert token.parent == turn.get_span_context()
    assert (token.start_time, token.end_time) == (99_200_000_000, 99_500_000_000)
    assert kept.closed


def test_stages_are_those_that_were_measured() -> None:
    """Each with its start and end in unix seconds; a typed turn is not heard."""
    assert stages(EVENT, QUESTION, ANSWER, 99.2) == {
        "heard": (99.0, 99.5),
        "first_token": (99.2, pytest.approx(99.5)),
        "first_sound": (pytest.approx(99.9), 100.0),
        "spoken": (100.0, 102.0),
    }
    assert stages(EVENT, message(), message("assistant"), 99.2).keys() == {"first_token"}
    assert stages({"llm_ttft_ms": None}, None, message("assistant"), 99.2) == {}


@pytest.mark.parametrize(
    ("question", "start"), [(QUESTION, 99.0), (message(), 100.0), (None, 100.5)], ids=["spoken", "typed", "generated"]
)
def test_turn_begins_with_the_user(question: ChatMessage | None, start: float) -> None:
    """As they stop speaking or send what they typed; what the agent says of its own accord begins with the request."""
    times = stages(EVENT, question, message("assistant"), 100.5)
    assert begun(times, question) == start


async def test_nothing_that_was_said_is_in_a_span() -> None:
    """Unless a setting lets it."""
    kept, open_hearted = Kept(), Kept()
    for trace in (call(kept), call(open_hearted, personal_data=True)):
        trace.turn(EVENT, QUESTION, ANSWER, 99.2)
    assert "secret" not in kept.named("turn").to_json()
    said = open_hearted.named("turn").attributes or {}
    assert (said["sighted.question"], said["sighted.answer"]) == ("my secret", "your secret")


def test_failed_turn_is_an_error_that_names_its_kind() -> None:
    """And none of its words."""
    kept = Kept()
    call(kept).turn_failed("typed", "APIStatusError", 99.2)
    span = kept.named("turn")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert dict(span.attributes or {}) == {"sighted.kind": "typed", "error.type": "APIStatusError"}
    assert span.start_time == 99_200_000_000


async def test_trace_that_nobody_asked_for_takes_everything() -> None:
    """There is no other way through the code without it."""
    trace = CallTrace.none()
    trace.turn(EVENT, None, ANSWER, 0.0)
    trace.turn_failed("typed", "APIStatusError", None)
    await trace.aclose("", None)


def test_attributes_are_what_a_span_can_hold() -> None:
    """No value, no attribute."""
    assert attributes({"blind_reason": None, "stall_ms": 0}) == {"sighted.stall_ms": 0}
