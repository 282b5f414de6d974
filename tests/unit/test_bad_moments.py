"""A model that is late or fails: the caller hears a word of ours, and the log tells whose it was."""

import asyncio
from typing import Any

from livekit.agents import APIConnectionError
from structlog.testing import capture_logs

from config.groups import AgentSettings
from config.providers import LlmSettings
from tests.session import Call, calling

HOLD, STILL = "One moment, please. ", "I'm still working on it. "
SORRY = "Sorry, I can't answer right now. Please try again in a moment."
CUT = " Sorry, I lost the rest of that."
IMPATIENT = AgentSettings(hold_after_s=0.02)


def said(call: Call) -> list[str | None]:
    """What the agent said, answer by answer."""
    return [item.text_content for item in call.session.history.messages() if item.role == "assistant"]


async def replied(call: Call, *, after: asyncio.Event, until: str) -> None:
    """Ask, and let the model go on once the log has had this event."""
    with capture_logs() as logs:
        asking = asyncio.create_task(call.reply("What do you see?"))
        async with asyncio.timeout(30):
            while not any(until in str(line) for line in logs):  # noqa: ASYNC110 - a log has no events
                await asyncio.sleep(0.01)
        after.set()
        await asking


async def test_late_model_is_excused_and_then_answers() -> None:
    """In one message; the first token that counts is the model's own."""
    go = asyncio.Event()
    async with calling(agent=IMPATIENT) as call:
        call.model.says = (go, "A cat.")
        await replied(call, after=go, until="'again': True")
        answer = said(call)[0] or ""
        assert answer.startswith(HOLD + STILL)
        assert answer.endswith(" A cat.")
        [(event, _)] = call.turns
        assert event["held"]
        assert not event["cut_short"]
        assert event["llm_ttft_ms"] >= 20


async def test_model_never_reads_that_it_asked_for_patience() -> None:
    """It would come to imitate it."""
    go = asyncio.Event()
    async with calling(agent=IMPATIENT) as call:
        call.model.says = (go, "A cat.")
        await replied(call, after=go, until="model_late")
        call.model.says = ("Black.",)
        await call.reply("Which colour?")
        texts = [item.text_content for item in call.model.requests[-1].messages() if item.role == "assistant"]
        assert texts == ["A cat."]


async def test_prompt_model_is_not_excused() -> None:
    """Nothing of ours comes in between."""
    async with calling() as call:
        await call.reply("What do you see?")
        assert said(call) == ["Done."]
        assert call.turns[0][0]["held"] is False


async def failing(**changes: Any) -> tuple[list[str | None], list[Any], list[Any]]:
    """What is said, logged and told of a turn whose model fails; the next turn is answered."""
    with capture_logs() as logs:
        async with calling(**changes) as call:
            call.model.says = (APIConnectionError("you said: ...", retryable=False),)
            await call.reply("What do you see?")
            call.model.says = ("A cat.",)
            await call.reply("And now?")
            return said(call), list(logs), call.turns


async def test_failing_model_is_apologised_for_once() -> None:
    """The turn counts as failed, not as answered; the next one is none the worse."""
    words, logs, turns = await failing()
    assert words == [SORRY, "A cat."]
    [failed] = [line for line in logs if line["event"] == "turn_failed"]
    assert failed["error"] == "APIConnectionError"
    assert failed["apologised"] is True
    assert "you said" not in str(logs)
    assert len(turns) == 1


async def test_answer_that_breaks_off_is_ended_with_a_word() -> None:
    """The turn was answered in part, from its picture, and says so."""
    async with calling() as call:
        call.model.says = ("It is a", APIConnectionError("gone", retryable=False))
        await call.reply("What do you see?")
        assert said(call) == ["It is a" + CUT]
        assert call.turns[0][0]["cut_short"] is True
        assert call.turns[0][0]["frame_sha256"]


async def test_answer_that_stalls_is_given_up() -> None:
    """Nobody waits for its other half."""
    async with calling(llm=LlmSettings(stall_s=0.05)) as call:
        call.model.says = ("It is a", asyncio.Event())
        await call.reply("What do you see?")
        assert said(call) == ["It is a" + CUT]
