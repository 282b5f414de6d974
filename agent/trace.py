"""The trace of a call: one span for the call, below it one for each turn, and below that its stages.

Only what is named here goes in: figures and reasons. What was said goes in with `LOG__PERSONAL_DATA` alone.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Self

from livekit.agents.llm import ChatMessage
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from agent.ops.traces import NoTraces, Traces

Times = dict[str, tuple[float, float]]
"""Stages by name, each with its start and end in unix seconds."""


class CallTrace:
    """Begun with the job. Spans of turns are made when these are over, with the times at which things happened."""

    def __init__(self, traces: Traces, *, job_id: str, room: str, personal_data: bool):
        """With `personal_data`, turns tell what was asked and answered."""
        self._traces = traces
        self._personal_data = personal_data
        named = {"sighted.job_id": job_id, "sighted.room": room}
        self._call = traces.tracer.start_span("call", context=Context(), attributes=named)  # no other span's child
        self._context = set_span_in_context(self._call)

    @classmethod
    def none(cls) -> Self:
        """A trace that nobody asked for."""
        return cls(NoTraces(), job_id="", room="", personal_data=False)

    def turn(
        self, event: Mapping[str, Any], question: ChatMessage | None, answer: ChatMessage, asked_at: float
    ) -> None:
        """A turn is over; `event` is its log event, and the model was asked at `asked_at` (unix seconds)."""
        if not self._call.is_recording():
            return
        times = stages(event, question, answer, asked_at)
        span = self._traces.tracer.start_span(
            "turn", context=self._context, attributes=attributes(event), start_time=_ns(begun(times, question))
        )
        if self._personal_data:
            said = {"sighted.question": question, "sighted.answer": answer}
            span.set_attributes({name: item.text_content or "" for name, item in said.items() if item is not None})
        below = set_span_in_context(span)
        for name, (start, end) in times.items():
            self._traces.tracer.start_span(name, context=below, start_time=_ns(start)).end(_ns(end))
        span.end(_ns(max((end for _, end in times.values()), default=time.time())))

    def turn_failed(self, kind: str, error: str, asked_at: float | None) -> None:
        """The model gave no answer; `error` names the kind of error."""
        span = self._traces.tracer.start_span(
            "turn",
            context=self._context,
            attributes={"sighted.kind": kind, "error.type": error},
            start_time=None if asked_at is None else _ns(asked_at),
        )
        span.set_status(Status(StatusCode.ERROR))
        span.end()

    async def aclose(self, reason: str, participant: str | None) -> None:
        """The call is over: send what is left of its trace."""
        self._call.set_attributes({"sighted.reason": reason, "sighted.participant": participant or ""})
        self._call.end()
        await self._traces.aclose()


def stages(event: Mapping[str, Any], question: ChatMessage | None, answer: ChatMessage, asked_at: float) -> Times:
    """When each stage of a turn began and ended, as far as it was measured.

    The framework tells how long the first sound took and when it was heard, so its start is counted back from there.
    """
    asked, answered = question.metrics if question is not None else {}, answer.metrics
    stopped, heard = asked.get("stopped_speaking_at"), asked.get("end_of_turn_delay")
    token_ms, sound = event.get("llm_ttft_ms"), answered.get("tts_node_ttfb")
    started, ended = answered.get("started_speaking_at"), answered.get("stopped_speaking_at")
    times: Times = {}
    if stopped is not None and heard is not None:
        times["heard"] = (stopped, stopped + heard)
    if token_ms is not None:  # the model's own, and not that of words of ours that kept the caller company
        times["first_token"] = (asked_at, asked_at + token_ms / 1000)
    if started is not None and sound is not None:
        times["first_sound"] = (started - sound, started)
    if started is not None and ended is not None:
        times["spoken"] = (started, ended)
    return times


def begun(times: Times, question: ChatMessage | None) -> float:
    """When a turn began: as the user stopped speaking or sent what they typed, or else with its first stage."""
    starts = [start for start, _ in times.values()]
    if question is not None and "heard" not in times:
        starts.append(question.created_at)
    return min(starts, default=time.time())


def attributes(event: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """The fields of a log event that have a value; lists as JSON."""
    return {
        f"sighted.{name}": json.dumps(value) if isinstance(value, list) else value
        for name, value in event.items()
        if value is not None
    }


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
