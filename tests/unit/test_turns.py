"""What a turn's log line says."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from livekit.agents import AgentSession, APIStatusError, SpeechCreatedEvent
from livekit.agents.llm import ChatContext, ChatMessage
from livekit.agents.llm.chat_context import MetricsReport
from livekit.agents.voice import SpeechHandle
from structlog.testing import capture_logs

from agent.ops.stalls import StallWatch
from agent.turns import TurnLog, _kind, _ms, _spoken, evidence, timings
from agent.vision.memory import Memory, Shown
from agent.vision.sight import Blind
from tests.fakes import FakeSight, view

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
    assert evidence(Shown(look, images=2, question="a")) == {
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
    shown = Shown(Blind("stale", "camera", waited_ms=400.2), images=1, question="a")
    assert evidence(shown) == {**NOTHING, "images": 1, "waited_ms": 400, "blind_reason": "stale"}


def test_turn_of_which_nothing_is_known_has_every_field() -> None:
    """A reader of logs finds the same columns on every line."""
    assert evidence(None) == {**NOTHING, "images": 0}


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
    assert evidence(shown) == {**NOTHING, "images": 0, "waited_ms": 0, "blind_reason": "refused"}


class Talk:
    """A session whose speeches we begin and end ourselves; nobody speaks in it."""

    def __init__(self) -> None:
        self.session: AgentSession[None] = AgentSession()
        self.sight = FakeSight()
        self.memory = Memory(self.sight)
        self.log = TurnLog(self.session, self.memory, StallWatch())

    async def asked(self, *questions: ChatMessage) -> SpeechHandle:
        """A reply for which the model was asked."""
        speech = SpeechHandle.create()
        self.session.emit(
            "speech_created", SpeechCreatedEvent(speech_handle=speech, user_initiated=True, source="generate_reply")
        )
        await self.memory.request(ChatContext([*self.session.history.items, *questions]), speech.id)
        return speech

    async def spoken(self, speech: SpeechHandle, *items: ChatMessage) -> list[dict[str, Any]]:
        """The reply enters history and ends; what was logged of it."""
        self.session.history.items.extend(items)
        speech._item_added([item for item in items if item.role == "assistant"])
        return await self.ended(speech)

    async def ended(self, speech: SpeechHandle, *, error: Exception | None = None) -> list[dict[str, Any]]:
        """The reply ends; what was logged of it."""
        with capture_logs() as logs:
            speech._mark_done(error=error)
            await asyncio.sleep(0)  # its callbacks
        return [dict(entry) for entry in logs]


async def test_reply_is_logged_with_the_picture_that_it_was_made_from() -> None:
    """And with the turn that it answers."""
    talk = Talk()
    question = message(confidence=0.9)
    speech = await talk.asked(question)
    talk.log.confirm(question)
    [logged] = await talk.spoken(speech, question, message("assistant"))
    assert (logged["event"], logged["turn"], logged["kind"]) == ("turn_completed", 1, "spoken")
    assert logged["frame_sha256"] == view("camera 1").jpeg.sha256
    assert logged["speculative"] is False
    assert talk.log.summary() == {"turns": 1, "sighted": 1}


async def test_adopted_speculation_is_logged_as_one() -> None:
    """History holds the speculation's message, which is not the one that was confirmed."""
    talk = Talk()
    speculation, confirmed = message(confidence=0.9), message(confidence=0.9)
    speech = await talk.asked(speculation)
    talk.log.confirm(confirmed)
    [logged] = await talk.spoken(speech, speculation, message("assistant"))
    assert logged["speculative"] is True
    assert logged["frame_sha256"] == view("camera 1").jpeg.sha256


async def test_speculation_that_is_not_adopted_is_no_turn() -> None:
    """The reply that takes its place is, with its own picture."""
    talk = Talk()
    speculation, confirmed = message(confidence=0.9), message(confidence=0.9)
    discarded = await talk.asked(speculation)
    talk.log.confirm(confirmed)
    speech = await talk.asked(confirmed)
    assert await talk.ended(discarded) == []
    [logged] = await talk.spoken(speech, confirmed, message("assistant"))
    assert (logged["turn"], logged["speculative"]) == (1, False)
    assert logged["frame_sha256"] == view("camera 2").jpeg.sha256


async def test_replies_in_a_queue_are_each_logged_with_their_own_picture() -> None:
    """The second was asked for before the first was spoken."""
    talk = Talk()
    question = message()
    speeches = [await talk.asked(question)]
    talk.session.history.items.extend([question, message("assistant")])
    speeches += [await talk.asked(), await talk.asked()]
    logged = [entry for speech in speeches for entry in await talk.spoken(speech, message("assistant"))]
    assert [entry["kind"] for entry in logged] == ["typed", "generated", "generated"]
    assert [entry["frame_sha256"] for entry in logged] == [view(f"camera {n}").jpeg.sha256 for n in (1, 2, 3)]
    assert talk.log.summary() == {"turns": 3, "sighted": 3}


async def test_blind_turns_are_counted_by_reason() -> None:
    """The totals of a call tell how often and why the caller was not seen."""
    talk = Talk()
    for reason in ("muted", "muted", "stale"):
        talk.sight.blind(Blind(reason, "camera"))
        question = message()
        speech = await talk.asked(question)
        await talk.spoken(speech, question, message("assistant"))
    assert talk.log.summary() == {"turns": 3, "blind_muted": 2, "blind_stale": 1}


async def test_failed_turn_is_logged_without_what_was_said() -> None:
    """The error's text may quote the request."""
    talk = Talk()
    question = message(confidence=0.9)
    speech = await talk.asked(question)
    talk.session.history.items.append(question)
    logged = await talk.ended(speech, error=APIStatusError("you said: ...", status_code=500))
    assert logged == [
        {"event": "turn_failed", "log_level": "error", "kind": "spoken", "error": "APIStatusError", "status": 500}
    ]
    assert talk.log.summary() == {"turns": 0, "failed": 1}


async def test_reply_that_was_cut_off_before_its_first_word_is_no_turn() -> None:
    """Nobody heard it, and nothing failed."""
    talk = Talk()
    assert await talk.ended(await talk.asked(message())) == []
    assert talk.log.summary() == {"turns": 0}
