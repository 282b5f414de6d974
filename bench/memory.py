"""What a long call costs: bytes of its requests, and memory of its job process."""

import asyncio
from dataclasses import dataclass, field

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section
from bench.stage import SHORT, Stage, say
from bench.workers import OURS, STOCK, Contender
from sandbox.turn import Turn, of_that_moment

EARLY, SETTLED = 3, 5
"""Turns that later ones are compared with: of the bytes, and of the memory, once everything has been used."""

METHOD = (
    "Long calls: {ours} spoken turns with ours and {stock} with stock at the same time, 1280x720 at 30 frames a "
    "second. Bytes of the request behind the answer that was heard. Resident memory of the job process (RSS) after "
    "the answer, and what it shares with no other process (USS)."
)


@dataclass
class LongCall:
    """What was measured after each turn; the first turn has index 0."""

    request_bytes: list[int] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    sighted: list[bool] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    uss_mb: list[float] = field(default_factory=list)

    def add(self, turn: Turn, call: Call) -> None:
        """Measure after a turn."""
        self.request_bytes.append(turn.request.request_bytes)
        self.images.append(len(turn.images))
        self.sighted.append(of_that_moment(turn))
        self.rss_mb.append(call.rss_mb())
        self.uss_mb.append(call.uss_mb())

    def bytes_at(self, turn: int) -> str:
        """The request of a turn, for people."""
        count = self.request_bytes[turn - 1]
        return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

    @property
    def growth(self) -> str:
        """Memory from the settled turn to the last."""
        rss, uss = self.rss_mb, self.uss_mb
        return (
            f"{rss[-1] - rss[SETTLED - 1]:+.1f} MB from turn {SETTLED} to {len(rss)} "
            f"({rss[SETTLED - 1]:.0f} to {rss[-1]:.0f}; USS {uss[-1] - uss[SETTLED - 1]:+.1f})"
        )


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Hold both calls side by side: neither figure depends on how busy the machine is."""
    stock, ours = await asyncio.gather(_hold(stage, STOCK, plan.stock_long_turns), _hold(stage, OURS, plan.long_turns))
    check(all(ours.sighted[1:]), f"ours saw in {sum(ours.sighted)} of {len(ours.sighted)} turns only")
    check(max(stock.images) > 1, "no request of stock held the pictures of earlier turns")
    late = min(30, len(ours.request_bytes), len(stock.request_bytes))
    ratio, stock_ratio = (call.request_bytes[late - 1] / call.request_bytes[EARLY - 1] for call in (ours, stock))
    growth_mb = ours.rss_mb[-1] - ours.rss_mb[SETTLED - 1]
    rows = [
        Row(
            f"request bytes at turn {late} over turn {EARLY}",
            f"{stock_ratio:.1f} times, {stock.bytes_at(late)}, {stock.images[late - 1]} pictures",
            f"{ratio:.2f} times, {ours.bytes_at(late)}, {ours.images[late - 1]} picture(s)",
            "at most 1.1 times",
            ratio <= 1.1,
        ),
        Row(
            "memory growth of the job process",
            stock.growth,
            ours.growth,
            "under 5 MB to turn 100",
            growth_mb < 5 if len(ours.rss_mb) >= 100 else None,
        ),
    ]
    return [Section(rows, METHOD.format(ours=plan.long_turns, stock=plan.stock_long_turns))]


async def _hold(stage: Stage, contender: Contender, turns: int) -> LongCall:
    held = LongCall()
    async with stage.worker(contender) as worker, open_call(stage, worker) as call:
        for number in range(1, turns + 1):
            held.add(await call.ask(SHORT, pcm=stage.speech.short), call)
            if number % 5 == 0 or number == turns:
                say(f"long call: {contender.name}, turn {number} of {turns}, {held.rss_mb[-1]:.0f} MB")
    return held
