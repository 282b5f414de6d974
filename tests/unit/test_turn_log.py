"""Which replies are logged as turns, what each of them cost, and the totals of a call."""

import asyncio
from typing import Any

from livekit.agents import AgentSession, APIStatusError, SpeechCreatedEvent, metrics
from livekit.agents.llm import ChatContext, ChatMessage
from livekit.agents.llm.chat_context import MetricsReport
from livekit.agents.voice import SpeechHandle
from structlog.testing import capture_logs

from agent.ops.stalls import StallWatch
from agent.turns import TurnLog
from agent.vision.memory import Memory, Shown
from agent.vision.view import Blind
from tests.fakes import FakeSight, data_url, picture, view

SENT = {"images": 0, "image_bytes": 0, "tokens_in": 0, "tokens_cached": 0, "tokens_out": 0}
"""Totals of a call that sent no picture and spent no token."""


def message(role: str = "user", *, confidence: float | None = None, **measured: float) -> ChatMessage:
    """A message that the framework has measured."""
    return ChatMessage(
        role=role,  # type: ignore[arg-type]
        content=["..."],
        transcript_confidence=confidence,
        metrics=MetricsReport(**measured),  # type: ignore[typeddict-item]
        created_at=100.0,
    )


def sent(*pictures: str) -> dict[str, int]:
    """Totals of a call whose requests carried these pictures."""
    return {"images": len(pictures), "image_bytes": sum(len(data_url(text)) for text in pictures)}


class Talk:
    """A session whose speeches we begin and end ourselves; nobody speaks in it."""

    def __init__(self) -> None:
        self.session: AgentSession[None] = AgentSession()
        self.sight = FakeSight()
        self.memory = Memory(self.sight)
        self.told: list[tuple[dict[str, Any], Shown | None]] = []
        self.log = TurnLog(
            self.session, self.memory, StallWatch(), on_turn=lambda event, shown: self.told.append((event, shown))
        )

    async def asked(self, *questions: ChatMessage) -> SpeechHandle:
        """A reply for which the model was asked."""
        speech = SpeechHandle.create()
        self.session.emit(
            "speech_created", SpeechCreatedEvent(speech_handle=speech, user_initiated=True, source="generate_reply")
        )
        await self.memory.request(ChatContext([*self.session.history.items, *questions]), speech.id)
        return speech

    def spend(self, *, tokens_in: int, cached: int, tokens_out: int) -> None:
        """One request's tokens, as the framework is told of them."""
        self.session._usage_collector.collect(
            metrics.LLMMetrics(
                label="fake",
                request_id="a",
                timestamp=0,
                duration=1,
                ttft=0.3,
                cancelled=False,
                completion_tokens=tokens_out,
                prompt_tokens=tokens_in,
                prompt_cached_tokens=cached,
                total_tokens=tokens_in + tokens_out,
                tokens_per_second=1,
            )
        )

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
    assert logged["frame_sha256"] == picture("camera 1").sha256
    assert logged["speculative"] is False
    assert talk.log.summary() == {**SENT, **sent("camera 1"), "turns": 1, "sighted": 1}


async def test_adopted_speculation_is_logged_as_one() -> None:
    """History holds the speculation's message, which is not the one that was confirmed."""
    talk = Talk()
    speculation, confirmed = message(confidence=0.9), message(confidence=0.9)
    speech = await talk.asked(speculation)
    talk.log.confirm(confirmed)
    [logged] = await talk.spoken(speech, speculation, message("assistant"))
    assert logged["speculative"] is True
    assert logged["frame_sha256"] == picture("camera 1").sha256


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
    assert logged["frame_sha256"] == picture("camera 2").sha256


async def test_replies_in_a_queue_are_each_logged_with_their_own_picture() -> None:
    """The second was asked for before the first was spoken."""
    talk = Talk()
    question = message()
    speeches = [await talk.asked(question)]
    talk.session.history.items.extend([question, message("assistant")])
    speeches += [await talk.asked(), await talk.asked()]
    logged = [entry for speech in speeches for entry in await talk.spoken(speech, message("assistant"))]
    assert [entry["kind"] for entry in logged] == ["typed", "generated", "generated"]
    assert [entry["frame_sha256"] for entry in logged] == [picture(f"camera {n}").sha256 for n in (1, 2, 3)]
    assert talk.log.summary() == {**SENT, **sent("camera 1", "camera 2", "camera 3"), "turns": 3, "sighted": 3}


async def test_blind_turns_are_counted_by_reason() -> None:
    """The totals of a call tell how often and why the caller was not seen."""
    talk = Talk()
    for reason in ("muted", "muted", "stale"):
        talk.sight.blind(Blind(reason, "camera"))
        question = message()
        speech = await talk.asked(question)
        await talk.spoken(speech, question, message("assistant"))
    assert talk.log.summary() == {**SENT, "turns": 3, "blind_muted": 2, "blind_stale": 1}


async def test_failed_turn_is_logged_without_what_was_said() -> None:
    """The error's text may quote the request."""
    talk = Talk()
    question = message(confidence=0.9)
    speech = await talk.asked(question)
    talk.session.history.items.append(question)
    logged = await talk.ended(speech, error=APIStatusError("you said: ...", status_code=500))
    failed = {"kind": "spoken", "error": "APIStatusError", "status": 500, "apologised": False}
    assert logged == [{"event": "turn_failed", "log_level": "error", **failed}]
    assert talk.log.summary() == {**SENT, **sent("camera 1"), "turns": 0, "failed": 1}


async def test_reply_that_was_cut_off_before_its_first_word_is_no_turn() -> None:
    """Nobody heard it, and nothing failed."""
    talk = Talk()
    assert await talk.ended(await talk.asked(message())) == []
    assert talk.log.summary() == {**SENT, **sent("camera 1"), "turns": 0}


async def test_turn_costs_all_that_was_spent_since_the_last_one() -> None:
    """Speculations that nobody heard are paid for too, by the turn that they were made for."""
    talk = Talk()
    speculation, question = message(confidence=0.9), message(confidence=0.9)
    await talk.ended(await talk.asked(speculation))
    talk.spend(tokens_in=1000, cached=0, tokens_out=5)
    speech = await talk.asked(question)
    talk.spend(tokens_in=1001, cached=900, tokens_out=20)
    [first] = await talk.spoken(speech, question, message("assistant"))
    [second] = await talk.spoken(await talk.asked(), message("assistant"))
    spent = [{name: logged[name] for name in logged if name.startswith("tokens")} for logged in (first, second)]
    assert spent[0] == {"tokens_in": 2001, "tokens_cached": 900, "tokens_out": 25}
    assert spent[1] == {"tokens_in": 0, "tokens_cached": 0, "tokens_out": 0}
    assert talk.log.summary() == {**sent("camera 1", "camera 2", "camera 3"), **spent[0], "turns": 2, "sighted": 2}


async def test_pictures_of_every_request_are_in_the_totals() -> None:
    """Those of speculations and of tools, too."""
    talk = Talk()
    question = message()
    speech = await talk.asked(question)
    talk.memory.also_show(speech.id, view("closer").shots)
    await talk.memory.request(ChatContext([question]), speech.id)
    [logged] = await talk.spoken(speech, question, message("assistant"))
    assert (logged["images"], logged["tool_images"]) == (2, 1)
    assert talk.log.summary() == {**SENT, **sent("camera 1", "camera 1", "closer"), "turns": 1, "sighted": 1}


async def test_turn_that_was_shown_both_is_a_sighted_one() -> None:
    """Of two pictures one is enough."""
    talk = Talk()
    talk.sight.show("screen", "camera")
    question = message()
    [logged] = await talk.spoken(await talk.asked(question), question, message("assistant"))
    assert (logged["frame_source"], len(logged["frames"])) == ("both", 2)
    assert talk.log.summary()["sighted"] == 1


async def test_completed_turns_are_told_with_what_they_were_made_from() -> None:
    """For the album and the caller's page: the very event that is logged, and nothing of what was no turn."""
    talk = Talk()
    await talk.ended(await talk.asked(message()))
    question = message()
    speech = await talk.asked(question)
    [logged] = await talk.spoken(speech, question, message("assistant"))
    [(event, known)] = talk.told
    assert event.items() <= logged.items()
    assert set(logged) - set(event) == {"event", "log_level"}
    assert known == talk.memory.shown_for(speech.id)
