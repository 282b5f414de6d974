"""CPU time of the job process: a silent caller, and a talk in which the caller speaks a quarter of the time."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.calls import Call, Size, open_call, until
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section
from bench.stage import SPEECH_S, Stage, say
from bench.workers import OURS, OURS_ADAPTIVE, STOCK, Contender

CYCLE_S = 20.0
WARM_UP_S = 6.0
"""Seconds before the count: the call's first imports, and the worker's next idle process, which is started now."""
ANSWER = "This is reply number {number}, and it goes on for a while. Nobody listens to the end of it, but it is long."
MIN_ANSWER_S = 4.0
MIN_FPS = 24.0

METHOD = (
    "CPU: user and system time of the job process that serves the call, over {window:.0f} s of a silent caller{talk}, "
    "per minute; one call after the other, the camera's own encoding in another process. The camera encoded {fps}. "
    '"Without" is the same worker in a call without video.'
)
TALK = " and over {cycles} cycles of 20 s in which the caller speaks for 5 s and the agent answers for about 6 s"


@dataclass(frozen=True)
class Usage:
    """CPU of one call, in seconds a minute, and frames a second of its camera."""

    silent: float
    talk: float
    fps: float


Key = tuple[Contender, Size | None]


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Hold each call and count."""
    keys: list[Key] = [(OURS, None), (STOCK, None)] if plan.talk_cycles else [(OURS, None)]
    keys += [(contender, size) for size in plan.sizes for contender in (STOCK, OURS, OURS_ADAPTIVE)]
    used: dict[Key, Usage] = {}
    async with AsyncExitStack() as running:
        workers = {
            contender: await running.enter_async_context(stage.worker(contender))
            for contender in (STOCK, OURS, OURS_ADAPTIVE)
        }
        for contender, size in keys:
            async with open_call(stage, workers[contender], size) as call:
                used[contender, size] = await _use(call, plan, size)
            usage = used[contender, size]
            say(f"cpu: {contender.name} {_label(size)}: {usage.silent:.1f} s/min silent, {usage.talk:.1f} in a talk")
    talk = TALK.format(cycles=plan.talk_cycles) if plan.talk_cycles else ""
    fps = ", ".join(f"{_label(size)} {used[STOCK, size].fps:.0f} frames a second" for size in plan.sizes)
    method = METHOD.format(window=plan.window_s, talk=talk, fps=fps)
    return [Section([row for size in plan.sizes for row in _rows(used, size)], method)]


async def _use(call: Call, plan: Plan, size: Size | None) -> Usage:
    await asyncio.sleep(WARM_UP_S)
    frames, began, cpu = await _frames_sent(call, size), time.monotonic(), call.cpu_s()
    await asyncio.sleep(plan.window_s)
    spent, passed = call.cpu_s() - cpu, time.monotonic() - began
    fps = (await _frames_sent(call, size) - frames) / passed
    if size is not None:
        check(fps >= MIN_FPS, f"the {_label(size)} camera reached {fps:.0f} frames a second: the machine is too busy")
    talk = await _talk(call, plan.talk_cycles, size) if plan.talk_cycles else 0.0
    await _check_sight(call, size)
    return Usage(spent / passed * 60, talk, fps)


async def _frames_sent(call: Call, size: Size | None) -> int:
    return 0 if size is None else await call.caller.frames_encoded()


async def _talk(call: Call, cycles: int, size: Size | None) -> float:
    """Seconds of CPU a minute."""
    sandbox, speech = call.stage.sandbox, call.stage.speech
    began, cpu = time.monotonic(), call.cpu_s()
    for number in range(1, cycles + 1):
        answer = ANSWER.format(number=number)
        await sandbox.script(f"Would you tell me, for the {number}. time, {call.worker.name} {_label(size)}?", answer)
        spoken = await call.caller.speak_pcm(speech.long, speech.sample_rate)
        reply = await call.caller.reply(after=spoken.ended, timeout_s=CYCLE_S - SPEECH_S)
        length_s = reply.last_sound - reply.first_sound
        check(
            f"number {number}," in reply.text and length_s >= MIN_ANSWER_S,
            f"heard {reply.text!r} for {length_s:.1f} s, expected {answer!r} for {MIN_ANSWER_S:.0f} s at least",
        )
        await until(began + number * CYCLE_S)
    return (call.cpu_s() - cpu) / (time.monotonic() - began) * 60


async def _check_sight(call: Call, size: Size | None) -> None:
    """Two turns: with preemption stock has the first one's picture in the history of the second."""
    turns = [await call.ask(), await call.ask()]
    saw = bool(turns[-1].images)
    check(saw == (size is not None), f"{call.worker.name} with {_label(size)}: {len(turns[-1].images)} pictures seen")


def _label(size: Size | None) -> str:
    return "without video" if size is None else f"{size[1]}p30"


def _rows(used: Mapping[Key, Usage], size: Size) -> list[Row]:
    without, stock_without, stock = used[OURS, None], used.get((STOCK, None)), used[STOCK, size]
    rows = []
    for contender in (OURS, OURS_ADAPTIVE):
        mode = contender.settings["VISION__ATTENTION"]
        ours = used[contender, size]
        ratio = ours.silent / without.silent
        rows.append(
            Row(
                f"CPU s/min, silent caller, {_label(size)}, `VISION__ATTENTION={mode}`",
                f"{stock.silent:.1f}" + (f" (without: {stock_without.silent:.1f})" if stock_without else ""),
                f"{ours.silent:.1f} (without: {without.silent:.1f}), {ratio:.2f} times",
                "at most 1.15 times the call without video",
                ratio <= 1.15,
            )
        )
        if stock_without is not None:
            stock_share, our_share = stock.talk - stock_without.talk, ours.talk - without.talk
            rows.append(
                Row(
                    f"CPU s/min, talk, {_label(size)}, `VISION__ATTENTION={mode}`",
                    f"{stock.talk:.1f} (without: {stock_without.talk:.1f}; share for video {stock_share:.1f})",
                    f"{ours.talk:.1f} (without: {without.talk:.1f}; share for video {our_share:.1f})",
                    "at most half of stock's share for video",
                    our_share <= stock_share / 2,
                )
            )
    return rows
