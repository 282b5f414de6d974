"""One fault at a time in a live call: what the caller hears, how soon, and when the call is whole again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section
from bench.stage import Stage, say
from bench.workers import OURS, STOCK_PATIENT, Contender
from sandbox.caller.errors import NoReplyError
from sandbox.caller.journal import SoundBegan, Transcript
from sandbox.control.entries import Provider
from sandbox.control.faults import Kind

GOAL_S = 3.0
"""Seconds from the end of the question within which the caller is to hear something."""
PATIENCE_S = 45.0
"""Seconds after which a caller has hung up."""

METHOD = (
    "Faults: in a live call with a camera the fault is ordered from the stand-in, then a question is asked aloud. The "
    "first time is from the end of the question to the first sound of the agent; whole is the call at the end of an "
    "answer that the model gave to this question, or to one of those that are asked after it every few seconds. Stock "
    "is the documented recipe with preemptive generation off, so that it sees."
)


@dataclass(frozen=True)
class Fault:
    """A fault of a provider.

    Attributes:
        name: In words.
        provider: Whose.
        kind: As the sandbox names it.
        count: Requests that meet it.
        status: HTTP status of an error.
        midway: Whether it comes while the caller speaks.
    """

    name: str
    provider: Provider
    kind: Kind
    count: int = 1
    status: int = 500
    midway: bool = False


FAULTS = (
    Fault("the model answers 500, once", "llm", "error"),
    Fault("the model answers 500, five times", "llm", "error", count=5),
    Fault("the model hangs, once", "llm", "hang"),
    Fault("the model takes 5 s to its first token", "llm", "slow"),
    Fault("the model's answer is cut off", "llm", "cut"),
    Fault("the model refuses the key, for one turn", "llm", "error", count=4, status=401),
    Fault("the voice answers with an error, once", "tts", "error"),
    Fault("the voice hangs, once", "tts", "hang"),
    Fault("the voice takes 5 s", "tts", "slow"),
    Fault("the voice is cut off", "tts", "cut"),
    Fault("the voice's connection drops, four times", "tts", "drop", count=4),
    Fault("the listener's connection drops in the middle of the sentence", "stt", "drop", midway=True),
    Fault("the listener hangs", "stt", "hang"),
    Fault("the listener takes 5 s", "stt", "slow"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        heard_s: Seconds to the first sound; `None` for none in time.
        words: What was said first.
        whole_s: Seconds to an answer of the model.
        asked_again: How often the question was repeated.
    """

    heard_s: float | None
    words: str
    whole_s: float | None
    asked_again: int

    def __str__(self) -> str:
        heard = "nothing" if self.heard_s is None else f'"{self.words}" after {self.heard_s:.1f} s'
        again = f", asked again {self.asked_again} times" if self.asked_again else ""
        return f"{heard}; whole after {'more than 45' if self.whole_s is None else f'{self.whole_s:.1f}'} s{again}"


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Each fault in a call of its own, for each contender."""
    held: dict[Contender, list[Outcome]] = {}
    faults = FAULTS[: plan.faults]
    for contender in (STOCK_PATIENT, OURS):
        async with stage.worker(contender) as worker:
            held[contender] = []
            for fault in faults:
                async with open_call(stage, worker) as call:
                    outcome = await _suffer(call, fault)
                await stage.sandbox.clear()
                held[contender].append(outcome)
                say(f"faults: {contender.name}: {fault.name}: {outcome}")
    return [Section([_row(*each) for each in zip(faults, held[STOCK_PATIENT], held[OURS], strict=True)], METHOD)]


def _row(fault: Fault, stock: Outcome, ours: Outcome) -> Row:
    reached = ours.heard_s is not None and ours.heard_s <= GOAL_S
    return Row(fault.name, str(stock), str(ours), f"heard within {GOAL_S:g} s", reached)


async def _suffer(call: Call, fault: Fault) -> Outcome:
    first = await call.ask()
    check(first.reply.delay_s < GOAL_S, f"slow before any fault: {first.reply.delay_s:.1f} s")
    await asyncio.sleep(1.0)

    async def order() -> None:
        await call.stage.sandbox.fault(fault.provider, fault.kind, count=fault.count, status=fault.status)

    if not fault.midway:
        await order()
    asked = await _speak(call, order if fault.midway else None)
    sound, words = await _heard(call, asked)
    again, last = 0, asked
    while time.time() - asked < PATIENCE_S:
        whole = await _answered(call, last)
        if whole is not None:
            return Outcome(sound and sound - asked, words, whole - asked, again)
        again += 1
        last = await _speak(call)
    return Outcome(sound and sound - asked, words, None, again)


async def _speak(call: Call, halfway: Callable[[], Awaitable[None]] | None = None) -> float:
    """Ask the question; unix seconds of its end."""
    speech = call.stage.speech
    await call.stage.sandbox.script("What number do you see?")
    speaking = asyncio.create_task(call.caller.speak_pcm(speech.question, speech.sample_rate))
    if halfway is not None:
        await asyncio.sleep(0.8)
        await halfway()
    return (await speaking).ended


async def _heard(call: Call, asked: float) -> tuple[float | None, str]:
    try:
        sound = await call.caller.journal.wait_for(SoundBegan, after=asked, timeout_s=15)
    except TimeoutError:
        return None, ""
    try:
        text = await call.caller.journal.wait_for(
            Transcript, after=asked, where=lambda event: event.speaker != call.caller.identity, timeout_s=15
        )
    except TimeoutError:
        return sound.at, ""
    return sound.at, text.text


async def _answered(call: Call, asked: float) -> float | None:
    """When an answer of the model was heard, if one comes in the next seconds."""
    try:
        reply = await call.caller.reply(after=asked, timeout_s=8)
    except NoReplyError:
        return None
    return reply.last_sound if "Answer" in reply.text else None
