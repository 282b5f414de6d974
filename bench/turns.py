"""Spoken and typed turns: who sees, how soon, how old the picture is, and how long vision holds the loop."""

import asyncio
import statistics
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.calls import Call, open_call
from bench.checks import check, newest_picture_age_s
from bench.plan import Plan
from bench.report import Row, Section, ratio_of_medians, share, spread
from bench.stage import Stage, say
from bench.workers import OURS, OURS_ADAPTIVE, OURS_OFF, STOCK, STOCK_PATIENT, Contender
from sandbox.turn import Turn, of_that_moment

CONTENDERS = (STOCK, STOCK_PATIENT, OURS, OURS_ADAPTIVE, OURS_OFF)
WARM_UP_S = 4.0
"""Seconds before the first question: meanwhile the worker starts its next idle process, which takes a core."""

METHOD = (
    "Turns: {turns} spoken and {typed} typed for each contender, in calls of at most {each} spoken turns, a call of "
    "one contender after that of another and round again, so that drift of the machine meets all alike; one call at a "
    "time, 1280x720 at 30 frames a second. A turn is sighted if the request behind the answer that was *heard* holds, "
    "with the question, a picture drawn at that moment, by the stamp in the picture. Its age runs from the drawing of "
    "the scene to the arrival of the request: the caller's encoder, network and decoder included. Figures are median / "
    "95th percentile; ratios are of medians, with the interval of 95 % of bootstrap draws, and 1.00 is reached if the "
    "interval begins at or below it."
)
STALL_METHOD = (
    "Loop: in the same calls every callback of the job process's event loop is timed (`bench/stalls.py` says what "
    "counts as vision). Of the longest, CPU time of the loop's thread decides: wall time counts waiting for a core "
    "too. In ours the longest callback without vision took {noise:.0f} ms of it, with {noise_cpu:.0f} ms CPU."
)


@dataclass
class Held:
    """What one contender's call gave."""

    spoken: list[Turn] = field(default_factory=list)
    typed: list[Turn] = field(default_factory=list)
    newest_age_s: list[float] = field(default_factory=list)
    loop: list[dict[str, float]] = field(default_factory=list)

    @property
    def sighted(self) -> list[bool]:
        """Which spoken turns were."""
        return [of_that_moment(turn) for turn in self.spoken]

    @property
    def delay_ms(self) -> list[float]:
        """From the end of speech to the first sound that the caller heard."""
        return [turn.reply.delay_s * 1000 for turn in self.spoken]

    @property
    def age_ms(self) -> list[float]:
        """Of the picture that came with the question, at the request."""
        return [turn.view_age_s * 1000 for turn in self.spoken if turn.view_age_s is not None]

    def longest_ms(self, clock: str) -> float:
        """Milliseconds of the longest callback, such as `vision_cpu_ms`."""
        return max((line.get(clock, 0.0) for line in self.loop), default=0.0)

    @property
    def stall(self) -> str:
        """The longest callback for vision."""
        return f"{self.longest_ms('vision_cpu_ms'):.1f} ms CPU, {self.longest_ms('vision_ms'):.0f} ms wall"


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Hold the turns and judge them."""
    held = {contender: Held() for contender in CONTENDERS}
    async with AsyncExitStack() as running:
        workers = []
        for contender in CONTENDERS:
            workers.append(await running.enter_async_context(stage.worker(contender, timed=True)))
            say(f"turns: {contender.name} is there")
        for first in range(0, plan.turns, plan.turns_per_call):
            turns = min(plan.turns_per_call, plan.turns - first)
            for worker in workers:
                async with open_call(stage, worker) as call:
                    await _hold(call, held[worker.contender], turns, plan.typed_turns if first == 0 else 0)
            say(f"turns: {first + turns} of {plan.turns} of each")
    _check(held)
    method = METHOD.format(turns=plan.turns, typed=plan.typed_turns, each=plan.turns_per_call)
    return [Section(_rows(held), method), Section([_stall_row(held)], _stall_method(held[OURS]))]


async def _hold(call: Call, held: Held, turns: int, typed_turns: int) -> None:
    await asyncio.sleep(WARM_UP_S)
    for _ in range(turns):
        turn = await call.ask()
        held.spoken.append(turn)
        age_s = await newest_picture_age_s(turn, call.stage.sandbox)
        held.newest_age_s += [] if age_s is None else [age_s]
    held.typed += [await call.write(f"And now, for the {number + 1}. time?") for number in range(typed_turns)]
    held.loop += [line for line in call.worker.logged("callbacks") if line["pid"] == call.pid]


def _check(held: dict[Contender, Held]) -> None:
    check(not any(held[OURS_OFF].sighted), "a worker whose sight is off sent a picture")
    check(any(held[STOCK_PATIENT].sighted), "stock without preemption never saw: its frames are not read")
    check(any(held[OURS].sighted), "ours never saw")
    for contender in (STOCK_PATIENT, OURS, OURS_ADAPTIVE):
        seen = sum(line["vision"] for line in held[contender].loop)
        check(seen > 0, f"no callback of {contender.name} was found to be vision: the timer is blind")


def _rows(held: dict[Contender, Held]) -> list[Row]:
    stock, patient, ours, adaptive, off = held.values()
    behind = f" (newest picture {statistics.median(stock.newest_age_s):.1f} s old)" if stock.newest_age_s else ""
    to_off = ratio_of_medians(ours.delay_ms, off.delay_ms)
    to_stock = ratio_of_medians(ours.delay_ms, stock.delay_ms)
    adaptive_to_off = ratio_of_medians(adaptive.delay_ms, off.delay_ms)
    rows = [
        Row(
            "sighted spoken turns, preemptive generation on",
            f"{share(stock.sighted)}{behind}",
            f"{share(ours.sighted)}; adaptive {share(adaptive.sighted)}",
            "all",
            all(ours.sighted + adaptive.sighted),
        ),
        Row("the same, preemptive generation off", share(patient.sighted), "-"),
        Row(
            "speech end to first sound",
            f"blind {spread(stock.delay_ms, 'ms')}; sighted, preemption off {spread(patient.delay_ms, 'ms')}",
            f"{spread(ours.delay_ms, 'ms')}; adaptive {spread(adaptive.delay_ms)}; sight off {spread(off.delay_ms)}",
        ),
        Row("its ratio to ours with sight off", "-", str(to_off), "1.00 within noise", to_off.low <= 1.0),
        Row("the same, adaptive", "-", str(adaptive_to_off), "1.00 within noise", adaptive_to_off.low <= 1.0),
        Row("its ratio to stock, blind", "-", str(to_stock), "1.00 within noise", to_stock.low <= 1.0),
        _age_row("frame age at the model request", patient, ours),
        _age_row("the same, adaptive", patient, adaptive),
    ]
    typed = [[of_that_moment(turn) for turn in each.typed] for each in (stock, ours, adaptive)]
    if typed[0]:
        seen = f"{share(typed[1])}; adaptive {share(typed[2])}"
        rows.insert(2, Row("sighted typed turns", share(typed[0]), seen, "all", all(typed[1] + typed[2])))
    return rows


def _age_row(figure: str, patient: Held, ours: Held) -> Row:
    return Row(
        figure,
        f"preemption off: {spread(patient.age_ms, 'ms')}",
        spread(ours.age_ms, "ms"),
        "median at most 60 ms",
        bool(ours.age_ms) and statistics.median(ours.age_ms) <= 60,
    )


def _stall_method(ours: Held) -> str:
    return STALL_METHOD.format(noise=ours.longest_ms("other_ms"), noise_cpu=ours.longest_ms("other_cpu_ms"))


def _stall_row(held: dict[Contender, Held]) -> Row:
    ours, adaptive = held[OURS], held[OURS_ADAPTIVE]
    return Row(
        "longest callback of the event loop for vision",
        f"{held[STOCK].stall}; preemption off {held[STOCK_PATIENT].stall}",
        f"{ours.stall}; adaptive {adaptive.stall}",
        "under 5 ms",
        max(each.longest_ms("vision_cpu_ms") for each in (ours, adaptive)) < 5,
    )
