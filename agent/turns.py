"""How each turn went: one `turn_completed` event a turn, and the call's totals."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, Protocol

import structlog
from livekit.agents import (
    AgentSession,
    SpeechCreatedEvent,
    metrics,
)
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle

from agent.ops import metrics as counts
from agent.ops.stalls import StallWatch
from agent.speaker import Outcome
from agent.trace import CallTrace
from agent.vision.memory import Shown
from agent.vision.view import Blind, Shot, View

log = structlog.stdlib.get_logger(__name__)

Kind = Literal["spoken", "typed", "generated"]
OnTurn = Callable[[dict[str, Any], Shown | None], None]
"""Told of each completed turn: its event, and what its reply was made from."""


class Showings(Protocol):
    """Who knows from what each reply was made.

    Attributes:
        sent_images: Pictures sent so far.
        sent_bytes: Their bytes, as they were sent.
    """

    @property
    def sent_images(self) -> int: ...  # noqa: D102
    @property
    def sent_bytes(self) -> int: ...  # noqa: D102

    def shown_for(self, reply: str) -> Shown | None:
        """What a reply was made from."""

    def forget(self, reply: str) -> None:
        """The reply is over."""


class TurnLog:
    """Listens to a session and reports every reply that the model gave."""

    def __init__(
        self,
        session: AgentSession[None],
        showings: Showings,
        stalls: StallWatch,
        *,
        outcome: Callable[[str], Outcome | None] = lambda _: None,
        on_turn: OnTurn | None = None,
        trace: CallTrace | None = None,
        speculates: bool = True,
    ):
        """`outcome` tells how the model did in a reply; `speculates` whether it may be asked before a turn is over."""
        self._session = session
        self._showings = showings
        self._speculates = speculates
        self._stalls = stalls
        self._on_turn = on_turn
        self._outcome = outcome
        self._trace = trace or CallTrace.none()
        self._confirmed_as = ""
        self._tokens: Counter[str] = Counter()
        self._turns = 0
        self._totals: Counter[str] = Counter()
        session.on("speech_created", self._on_speech)

    def confirm(self, message: ChatMessage) -> None:
        """Note a turn as it is confirmed: a reply to it under another message id was speculative."""
        self._confirmed_as = message.id

    def summary(self) -> dict[str, int]:
        """Totals of the call: turns, sighted ones, blind ones by reason, pictures sent and tokens spent."""
        sent = {"images": self._showings.sent_images, "image_bytes": self._showings.sent_bytes}
        return {"turns": self._turns, **self._totals, **sent, **self._spent()}

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        if event.source == "generate_reply":
            event.speech_handle.add_done_callback(self._on_speech_done)

    def _on_speech_done(self, speech: SpeechHandle) -> None:
        shown = self._showings.shown_for(speech.id)
        asked = self._session.history.get_by_id(shown.question) if shown is not None and shown.question else None
        question = asked if isinstance(asked, ChatMessage) else None
        answers = [item for item in speech.chat_items if isinstance(item, ChatMessage) and item.role == "assistant"]
        outcome = self._outcome(speech.id) or Outcome(0.0)
        error = speech.exception() or (None if outcome.begun else outcome.error)
        if answers and error is None:
            self._completed(speech, shown, question, answers[0], outcome)
        elif error is not None:
            # Without its text, which may quote what was said.
            status = getattr(error, "status_code", None)
            self._totals["failed"] += 1
            counts.turn_failed(_kind(question))
            self._trace.turn_failed(
                _kind(question), type(error).__name__, shown.asked_at if shown is not None else None
            )
            told = bool(answers)
            log.error("turn_failed", kind=_kind(question), error=type(error).__name__, status=status, apologised=told)
        # Else a speculation that was not adopted, or a reply that was interrupted before its first word.
        self._showings.forget(speech.id)

    def _completed(
        self,
        speech: SpeechHandle,
        shown: Shown | None,
        question: ChatMessage | None,
        answer: ChatMessage,
        outcome: Outcome,
    ) -> None:
        self._turns += 1
        event: dict[str, Any] = {
            "turn": self._turns,
            "kind": _kind(question),
            **timings(question, answer),
            "speculative": self._speculates
            and question is not None
            and _spoken(question)
            and question.id != self._confirmed_as,
            **({"llm_ttft_ms": outcome.ttft_ms} if outcome.held else {}),  # not that of our own words
            "held": outcome.held,
            "interrupted": speech.interrupted,
            "cut_short": outcome.error is not None,
            "stall_ms": round(self._stalls.take_ms()),
            **evidence(shown),
            **self._tokens_since_last_turn(),
        }
        self._totals["sighted" if event["frame_sha256"] else f"blind_{event['blind_reason']}"] += 1
        log.info("turn_completed", **event)
        counts.turn_completed(event)
        self._trace.turn(event, question, answer, shown.asked_at if shown is not None else answer.created_at)
        if self._on_turn is not None:
            self._on_turn(event, shown)

    def _tokens_since_last_turn(self) -> dict[str, int]:
        """What this turn cost in all: the requests whose answer nobody heard are paid for too."""
        total = self._spent()
        spent = {name: total[name] - self._tokens[name] for name in total}
        self._tokens = total
        return spent

    def _spent(self) -> Counter[str]:
        total = Counter(tokens_in=0, tokens_cached=0, tokens_out=0)
        for usage in self._session.usage.model_usage:
            if isinstance(usage, metrics.LLMModelUsage):
                total["tokens_in"] += usage.input_tokens
                total["tokens_cached"] += usage.input_cached_tokens
                total["tokens_out"] += usage.output_tokens
        return total


def _kind(asked: ChatMessage | None) -> Kind:
    if asked is None:
        return "generated"
    return "spoken" if _spoken(asked) else "typed"


def _spoken(asked: ChatMessage) -> bool:
    return "end_of_turn_delay" in asked.metrics or asked.transcript_confidence is not None


def timings(asked: ChatMessage | None, answer: ChatMessage) -> dict[str, int | None]:
    """Milliseconds of each stage; `None` where a turn has no such stage."""
    started = answer.metrics.get("started_speaking_at")
    reply_s = answer.metrics.get("e2e_latency")
    if reply_s is None and started is not None and asked is not None and not _spoken(asked):
        reply_s = started - asked.created_at  # what was spoken carries the time at which it began
    return {
        "heard_ms": _ms(asked.metrics.get("end_of_turn_delay") if asked is not None else None),
        "llm_ttft_ms": _ms(answer.metrics.get("llm_node_ttft")),
        "tts_ttfb_ms": _ms(answer.metrics.get("tts_node_ttfb")),
        "reply_ms": _ms(reply_s),
    }


def evidence(shown: Shown | None) -> dict[str, object]:
    """Which picture the reply was made from, or why from none.

    Of two pictures (`frame_source` is `both`) the plain fields describe the screen's, and `frames` each of them. With
    `VISION__SKIP_UNCHANGED` they are those of the earlier picture where none was sent, and `unchanged` says so.
    """
    look = shown.look if shown is not None else None
    shots = look.shots if isinstance(look, View) else ()
    return {
        "images": shown.images if shown is not None else 0,
        "tool_images": len(shown.looks) if shown is not None else 0,
        **_frame(shots[0] if shots else None),
        **({"frame_source": "both", "frames": [_frame(shot) for shot in shots]} if len(shots) > 1 else {}),
        "waited_ms": round(look.waited_ms) if look is not None else None,
        "blind_reason": look.reason if isinstance(look, Blind) else None,
        **({"unchanged": shown.unsent is not None} if shown is not None and any(s.fingerprint for s in shots) else {}),
    }


def _frame(shot: Shot | None) -> dict[str, object]:
    return {
        "frame_source": shot.source if shot else None,
        "frame_age_ms": round(shot.age_ms) if shot else None,
        "frame_width": shot.frame_width if shot else None,
        "frame_height": shot.frame_height if shot else None,
        "sent_width": shot.image.width if shot else None,
        "sent_height": shot.image.height if shot else None,
        "frame_bytes": len(shot.image.data) if shot else None,
        "frame_sha256": shot.image.sha256 if shot else None,
        "encode_ms": round(shot.encode_ms, 1) if shot else None,
    }


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
