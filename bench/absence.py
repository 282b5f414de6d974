"""A camera that is muted or gone shortly before the question, and one that comes back just before it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan, Way
from bench.report import Row, Section, both
from bench.stage import Stage, say
from bench.workers import OURS, OURS_ADAPTIVE, STOCK_PATIENT, Contender
from sandbox.caller.scenes import Counter
from sandbox.turn import Turn, of_that_moment

AWAY_S = 3.0
"""Seconds between the camera's going and the question, which takes another second and a half to ask."""

RETURN: dict[Way, str] = {"muted": "unmuted", "unpublished": "published again"}
"""How a camera comes back, by the way in which it went."""

METHOD = (
    "Absence: the camera is muted, or unpublished, 3 s before a spoken question; then it returns, and a typed and a "
    "spoken question follow at once. Stock without preemption, since only so its answers have pictures. The time is "
    "from the return to the typed question's request, if that held a picture drawn after the return; a typed "
    "question may come before the worker has even been told that a camera is there again."
)


@dataclass(frozen=True)
class Absence:
    """The turns around one absence.

    Attributes:
        away: Asked while the camera was away.
        returned: Unix seconds at which it came back.
        back: Asked at once, typed and spoken.
    """

    away: Turn
    returned: float
    back: tuple[Turn, Turn]

    @property
    def honest(self) -> bool:
        """Whether the request held no picture with the question, but one line that says why."""
        return self.away.picture is None and len(_lines(self.away)) == 1

    @property
    def seen_again(self) -> list[bool]:
        """Whether the typed and the spoken turn saw what was shown after the return."""
        return [of_that_moment(turn) and (turn.drawn_at or 0) >= self.returned for turn in self.back]

    def what_was_sent(self) -> str:
        """The picture of the question asked meanwhile, or the line in its place."""
        if self.away.picture is None:
            return ", ".join(["no picture", *_quoted(self.away)])
        height, width = self.away.picture.shape[:2]
        age_s = self.away.view_age_s
        return f"a {width}x{height} picture, {'empty' if age_s is None else f'{age_s:.1f} s old'}"

    def how_soon(self) -> str:
        """How the turns after the return went."""
        (typed, spoken), (typed_seen, spoken_seen) = self.back, self.seen_again
        soon = f"sighted after {typed.request.started - self.returned:.2f} s"
        return (
            f"typed {soon if typed_seen else ', '.join(['blind', *_quoted(typed)])}; "
            f"spoken {'sighted' if spoken_seen else ', '.join(['blind', *_quoted(spoken)])}"
        )


Absences = Mapping[Way, Absence]


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Let the camera go and return, for each contender."""
    held: dict[Contender, Absences] = {}
    for contender in (STOCK_PATIENT, OURS, OURS_ADAPTIVE):
        async with stage.worker(contender) as worker, open_call(stage, worker) as call:
            check(of_that_moment(await call.ask()), f"{contender.name} did not see before the camera went")
            held[contender] = {way: await _ABSENT[way](call) for way in plan.absences}
        say(f"absence: {contender.name}: " + "; ".join(each.what_was_sent() for each in held[contender].values()))
    return [Section([row for way in plan.absences for row in _rows(held, way)], METHOD)]


async def _muted(call: Call) -> Absence:
    call.caller.mute("camera")
    await asyncio.sleep(AWAY_S)
    away = await call.ask()
    returned = time.time()
    call.caller.unmute("camera")
    return Absence(away, returned, (await call.write("Can you see it, unmuted?"), await call.ask()))


async def _unpublished(call: Call) -> Absence:
    await call.caller.unpublish("camera")
    await asyncio.sleep(AWAY_S)
    away = await call.ask()
    await call.caller.show(Counter())
    returned = time.time()
    return Absence(away, returned, (await call.write("Can you see it, published again?"), await call.ask()))


_ABSENT: dict[Way, Callable[[Call], Awaitable[Absence]]] = {"muted": _muted, "unpublished": _unpublished}


def _rows(held: Mapping[Contender, Absences], way: Way) -> list[Row]:
    stock, ours, adaptive = (held[contender][way] for contender in (STOCK_PATIENT, OURS, OURS_ADAPTIVE))
    return [
        Row(
            f"camera {way} 3 s before the question",
            stock.what_was_sent(),
            both(ours.what_was_sent(), adaptive.what_was_sent()),
            "no picture, one honest line",
            ours.honest and adaptive.honest,
        ),
        Row(
            f"questions as soon as it is {RETURN[way]}",
            stock.how_soon(),
            both(ours.how_soon(), adaptive.how_soon()),
            "the spoken one sighted",
            ours.seen_again[1] and adaptive.seen_again[1],
        ),
    ]


def _quoted(turn: Turn) -> list[str]:
    return [f'"{line}"' for line in _lines(turn)]


def _lines(turn: Turn) -> list[str]:
    asked = [message for message in turn.request.messages if message.role == "user"]
    lines = asked[-1].text.splitlines() if asked else []
    return [line.strip("[] ") for line in map(str.strip, lines) if line.startswith("[No picture")]
