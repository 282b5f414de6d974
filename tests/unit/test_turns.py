"""What a turn's log line says."""

from dataclasses import replace

import pytest
from livekit.agents.llm import ChatMessage
from livekit.agents.llm.chat_context import MetricsReport

from agent.turns import _kind, _ms, _spoken, evidence, timings
from agent.vision.memory import Shown
from agent.vision.view import Blind, View
from tests.fakes import picture, view

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
NO_PICTURES = {**NOTHING, "images": 0, "tool_images": 0}


def message(role: str = "user", *, confidence: float | None = None, **measured: float) -> ChatMessage:
    """A message that the framework has measured."""
    return ChatMessage(
        role=role,  # type: ignore[arg-type]
        content=["..."],
        transcript_confidence=confidence,
        metrics=MetricsReport(**measured),  # type: ignore[typeddict-item]
        created_at=100.0,
    )


def waiting(look: View, *waited_ms: float) -> View:
    """The view whose pictures were waited for so long."""
    shots = zip(look.shots, waited_ms, strict=True)
    return View(tuple(replace(shot, waited_ms=waited) for shot, waited in shots), look.missing)


def test_sighted_turn_tells_its_picture() -> None:
    """Source, age, sizes and digest of what the model was sent, and no reason to be blind."""
    look = waiting(view("a picture"), 33.4)
    assert evidence(Shown(look, images=2, question="a", looks=view("closer").shots)) == {
        "images": 2,
        "tool_images": 1,
        "frame_source": "camera",
        "frame_age_ms": 12,
        "frame_width": 1280,
        "frame_height": 720,
        "sent_width": 640,
        "sent_height": 360,
        "frame_bytes": 9,
        "frame_sha256": picture("a picture").sha256,
        "encode_ms": 4.6,
        "waited_ms": 33,
        "blind_reason": None,
    }


def test_turn_that_was_shown_both_tells_each_picture() -> None:
    """The plain fields are the screen's, for who reads only them; the wait is the longer one."""
    both = waiting(View((*view("s", "screen").shots, *view("camera").shots)), 10.0, 33.4)
    logged = evidence(Shown(both, images=2, question="a"))
    assert (logged["frame_source"], logged["images"], logged["waited_ms"]) == ("both", 2, 33)
    assert (logged["frame_sha256"], logged["frame_bytes"]) == (picture("s").sha256, 1)
    frames = logged["frames"]
    assert isinstance(frames, list)
    assert [frame["frame_source"] for frame in frames] == ["screen", "camera"]
    assert [frame["frame_sha256"] for frame in frames] == [picture("s").sha256, picture("camera").sha256]
    assert frames[0] == {**{name: logged[name] for name in frames[0]}, "frame_source": "screen"}


def test_turn_that_was_shown_one_of_both_tells_that_one() -> None:
    """There is no list of one, and no reason to be blind."""
    look = View(view("s", "screen").shots, (Blind("late", "camera", 400.0),))
    logged = evidence(Shown(look, images=1, question="a"))
    assert "frames" not in logged
    assert (logged["frame_source"], logged["waited_ms"], logged["blind_reason"]) == ("screen", 400, None)


def test_blind_turn_tells_why_and_no_picture() -> None:
    """With the uploads it carried all the same, and the time it waited in vain."""
    shown = Shown(Blind("stale", "camera", waited_ms=400.2), images=1, question="a")
    assert evidence(shown) == {**NO_PICTURES, "images": 1, "waited_ms": 400, "blind_reason": "stale"}


def test_turn_of_which_nothing_is_known_has_every_field() -> None:
    """A reader of logs finds the same columns on every line."""
    assert evidence(None) == NO_PICTURES


def test_evidence_holds_no_pixels() -> None:
    """Log lines are small and private."""
    logged = evidence(Shown(view("a picture", size=5000), images=1, question="a"))
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
    assert timings(message(end_of_turn_delay=0.5), message("assistant", started_speaking_at=100.75))["reply_ms"] is None
    assert timings(None, message("assistant", started_speaking_at=100.75)) == {
        "heard_ms": None,
        "llm_ttft_ms": None,
        "tts_ttfb_ms": None,
        "reply_ms": None,
    }
    assert _ms(0.0) == 0
    assert _ms(None) is None


def test_refused_pictures_are_told_as_such() -> None:
    """The turn was answered in words alone."""
    shown = Shown(Blind("refused", "camera"), images=0, question="a")
    assert evidence(shown) == {**NO_PICTURES, "waited_ms": 0, "blind_reason": "refused"}
