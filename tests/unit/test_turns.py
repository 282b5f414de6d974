"""What a turn's log line says."""

from collections import OrderedDict
from dataclasses import replace

import pytest
from livekit.agents.llm import ChatMessage
from livekit.agents.llm.chat_context import MetricsReport

from agent.turns import _keep, _kind, _ms, _spoken, evidence, timings
from agent.vision.memory import Shown
from agent.vision.sight import Blind
from tests.fakes import view

NOTHING = dict.fromkeys(
    [
        "frame_source",
        "frame_age_ms",
        "frame_width",
        "frame_height",
        "sent_width",
        "sent_height",
        "frame_bytes",
        "frame_sha256",
        "encode_ms",
        "waited_ms",
        "blind_reason",
    ]
)


def message(role: str = "user", *, confidence: float | None = None, **measured: float) -> ChatMessage:
    """A message that the framework has measured."""
    return ChatMessage(
        role=role,  # type: ignore[arg-type]
        content=["..."],
        transcript_confidence=confidence,
        metrics=MetricsReport(**measured),  # type: ignore[typeddict-item]
        created_at=100.0,
    )


def test_sighted_turn_tells_its_picture() -> None:
    """Source, age, sizes and digest of what the model was sent, and no reason to be blind."""
    look = replace(view("a picture"), waited_ms=33.4)
    assert evidence(Shown(look, images=2)) == {
        "images": 2,
        "frame_source": "camera",
        "frame_age_ms": 12,
        "frame_width": 1280,
        "frame_height": 720,
        "sent_width": 640,
        "sent_height": 360,
        "frame_bytes": 9,
        "frame_sha256": look.jpeg.sha256,
        "encode_ms": 4.6,
        "waited_ms": 33,
        "blind_reason": None,
    }


def test_blind_turn_tells_why_and_no_picture() -> None:
    """With the uploads it carried all the same, and the time it waited in vain."""
    shown = Shown(Blind("stale", "camera", waited_ms=400.2), images=1)
    assert evidence(shown) == {**NOTHING, "images": 1, "waited_ms": 400, "blind_reason": "stale"}


def test_turn_of_which_nothing_is_known_has_every_field() -> None:
    """A reader of logs finds the same columns on every line."""
    assert evidence(None) == {**NOTHING, "images": 0}


def test_evidence_holds_no_pixels() -> None:
    """Log lines are small and private."""
    logged = evidence(Shown(view("a picture", size=5000), images=1))
    assert not any(isinstance(value, bytes) for value in logged.values())
    assert len(repr(logged)) < 1000


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (None, "generated"),
        (message(), "typed"),
        (message(confidence=0.9), "spoken"),
        (message(end_of_turn_delay=0.5), "spoken"),
        (message(confidence=0.0), "spoken"),
    ],
)
def test_kind_is_told_by_what_the_turn_answers(asked: ChatMessage | None, kind: str) -> None:
    """Only speech has an end of turn or a transcript's confidence."""
    assert _kind(asked) == kind
    assert asked is None or _spoken(asked) == (kind == "spoken")


def test_stages_of_a_spoken_turn_are_in_milliseconds() -> None:
    """The framework measures in seconds."""
    answer = message(
        "assistant", llm_node_ttft=0.3004, tts_node_ttfb=0.0806, e2e_latency=0.9, started_speaking_at=105.0
    )
    assert timings(message(end_of_turn_delay=0.55), answer) == {
        "heard_ms": 550,
        "llm_ttft_ms": 300,
        "tts_ttfb_ms": 81,
        "reply_ms": 900,
    }


def test_reply_to_a_typed_turn_is_timed_from_its_arrival() -> None:
    """There is no end of speech to count from."""
    logged = timings(message(), message("assistant", started_speaking_at=100.75))
    assert (logged["heard_ms"], logged["reply_ms"]) == (None, 750)


def test_stage_that_did_not_happen_is_none() -> None:
    """Zero would be a measurement."""
    assert timings(None, message("assistant", started_speaking_at=100.75)) == {
        "heard_ms": None,
        "llm_ttft_ms": None,
        "tts_ttfb_ms": None,
        "reply_ms": None,
    }
    assert _ms(0.0) == 0
    assert _ms(None) is None


def test_what_never_completes_does_not_pile_up() -> None:
    """The oldest goes first; the newest is there."""
    store: OrderedDict[str, int] = OrderedDict()
    for number in range(100):
        _keep(store, str(number), number)
    assert list(store.values()) == list(range(84, 100))
