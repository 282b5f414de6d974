"""Adaptive attention against `always`: does every turn still see the moment, and what does it save?

Both hold the same conversation at the same time, each with a server, stand-ins and a worker of its own.
"""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section, share, spread
from bench.stage import Stage, open_stage, say
from bench.workers import OURS, OURS_ADAPTIVE, Contender
from sandbox.caller.journal import SoundBegan
from sandbox.turn import Turn, of_that_moment

KINDS = ("question", "short", "interruption", "short after a silence", "typed after a silence")
SILENCE_S = 8.0
"""Adaptive attention ceases after two seconds of silence; a dynacast publisher stops encoding five seconds later."""
SPOKEN_S = 7.0
"""So long the agent has spoken when it is interrupted: the publisher has stopped encoding by then, too."""
STORY = "And then the keeper of the lighthouse went up the stairs once more to look for ships. " * 6


@dataclass
class Tally:
    """What became of the turns of one conversation.

    Attributes:
        sighted: Of each turn, by its kind.
        age_ms: From the drawing of the picture to the request, of each sighted turn.
        waited_ms: What each turn waited for its frame.
        delay_ms: Speech end to first sound, of spoken turns that interrupted nobody.
        cpu_s_per_min: CPU seconds a minute of the job process.
    """

    sighted: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    age_ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    cpu_s_per_min: float = 0.0

    @property
    def all(self) -> list[bool]:
        """Every turn."""
        return [one for turns in self.sighted.values() for one in turns]

    def add(self, kind: str, turn: Turn) -> None:
        """Judge a turn by the stamp in its picture."""
        self.sighted[kind].append(of_that_moment(turn))
        if turn.view_age_s is not None:
            self.age_ms.append(turn.view_age_s * 1000)
        if kind in {"question", "short"}:
            self.delay_ms.append(turn.reply.delay_s * 1000)


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """The rows of both publishers, one after the other."""
    rows: list[Row] = []
    for dynacast in (False, True):
        async with AsyncExitStack() as running:
            # One after the other: each looks for free ports.
            calls = [
                await _open(running, stage.logs, contender, dynacast=dynacast) for contender in (OURS, OURS_ADAPTIVE)
            ]
            always, adaptive = await asyncio.gather(*(_conversation(call, plan.attention_turns) for call in calls))
        rows += _rows(always, adaptive, "that stops encoding when unwatched" if dynacast else "that always encodes")
    method = (
        f"Attention (in brackets: `always`): {plan.attention_turns} turns for each publisher and setting, both at the "
        "same time: a question right after the last answer, one of under a second, one that interrupts the agent after "
        f"{SPOKEN_S:.0f} s, one of under a second after {SILENCE_S:.0f} s of silence, and a typed one after the same. "
        "Sighted by the stamp in the picture of the request behind the spoken answer."
    )
    return [Section(rows, method)]


def _rows(always: Tally, adaptive: Tally, publisher: str) -> list[Row]:
    sighted = sum(adaptive.all) == sum(always.all)
    as_fresh = statistics.median(adaptive.age_ms) <= statistics.median(always.age_ms) * 1.1
    waited, waited_always = (f"{spread(each.waited_ms)} / {max(each.waited_ms):.0f}" for each in (adaptive, always))
    kinds = [Row(f"- {kind}", "", f"{share(adaptive.sighted[kind])} ({share(always.sighted[kind])})") for kind in KINDS]
    seen, cpu = f"{share(adaptive.all)} ({share(always.all)})", adaptive.cpu_s_per_min
    ages = f"{spread(adaptive.age_ms)} ({spread(always.age_ms)})"
    delays = f"{spread(adaptive.delay_ms)} ({spread(always.delay_ms)})"
    return [
        Row(f"attention `adaptive`, publisher {publisher}: sighted turns", "", seen, "as `always`", sighted),
        *kinds,
        Row("- picture's age at the request, ms", "", ages, "as `always`", as_fresh),
        Row("- waited for a frame, median / p95 / longest, ms", "", f"{waited} ({waited_always})"),
        Row("- speech end to first sound, ms", "", delays),
        Row("- CPU s/min of the job process", "", f"{cpu:.1f} ({always.cpu_s_per_min:.1f})"),
    ]


async def _open(running: AsyncExitStack, logs: Path, contender: Contender, *, dynacast: bool) -> Call:
    """A call on a stage of its own."""
    own = logs / f"{contender.name}-{'dynacast' if dynacast else 'plain'}"
    own.mkdir()
    stage = await running.enter_async_context(open_stage(own))
    worker = await running.enter_async_context(stage.worker(contender))
    return await running.enter_async_context(open_call(stage, worker, dynacast=dynacast))


async def _conversation(call: Call, turns: int) -> Tally:
    tally = Tally()
    await call.ask()  # whatever is loaded on first use is not attention's
    began, cpu_s = time.monotonic(), call.cpu_s()
    for number in range(turns):
        kind = KINDS[number % len(KINDS)]
        tally.add(kind, await _turn(call, kind, number))
        if number % 10 == 9:
            say(f"attention: {call.worker.name}, {number + 1} turns, {share(tally.all)} sighted")
    tally.cpu_s_per_min = (call.cpu_s() - cpu_s) / (time.monotonic() - began) * 60
    logged = call.worker.logged("turn_completed")
    check(len(logged) > turns, f"{len(logged)} turns logged, expected over {turns}")
    tally.waited_ms = [float(line["waited_ms"]) for line in logged]
    return tally


async def _turn(call: Call, kind: str, number: int) -> Turn:
    if kind == "question":
        return await call.ask()
    if kind == "short":
        return await call.ask(pcm=call.stage.speech.short)
    if kind == "interruption":
        return await _interruption(call)
    await asyncio.sleep(SILENCE_S)
    if kind == "short after a silence":
        return await call.ask(pcm=call.stage.speech.short)
    return await call.write(f"And what now, for the {number}. time?")


async def _interruption(call: Call) -> Turn:
    speech = call.stage.speech
    await call.stage.sandbox.script("Tell me a long story.", STORY)
    spoken = await call.caller.speak_pcm(speech.question, speech.sample_rate)
    await call.caller.journal.wait_for(SoundBegan, after=spoken.ended, timeout_s=60)
    await asyncio.sleep(SPOKEN_S)
    return await call.ask()
