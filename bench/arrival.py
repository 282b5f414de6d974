"""A caller who shows something before the agent comes, as most do."""

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section, share
from bench.stage import Stage, say
from bench.workers import OURS, STOCK_JOINED, STOCK_PATIENT, Contender
from sandbox.turn import of_that_moment

METHOD = (
    "Arrival: a caller with microphone and camera is in the room before the agent is asked for. Stock without "
    "preemption, with either order of `ctx.connect()` and `session.start()`. If the room is joined first, the recipe's "
    "`on_enter` finds publications whose track is still None, raises, and watches no track. Everywhere else in these "
    "results stock starts the session first, and callers publish once the agent is there."
)


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Ask a few times in each order."""
    sighted: dict[Contender, list[bool]] = {}
    for contender in (STOCK_PATIENT, STOCK_JOINED, OURS):
        async with stage.worker(contender) as worker, open_call(stage, worker, camera_first=True) as call:
            sighted[contender] = await _ask(call, plan.typed_turns)
        say(f"arrival: {contender.name}: {share(sighted[contender])} sighted")
    check(any(sighted[STOCK_PATIENT]), "stock that starts the session first never saw: its frames are not read")
    row = Row(
        "sighted spoken turns of a caller who was there first",
        f"session first: {share(sighted[STOCK_PATIENT])}; room first: {share(sighted[STOCK_JOINED])}",
        share(sighted[OURS]),
        "all",
        all(sighted[OURS]),
    )
    return [Section([row], METHOD)]


async def _ask(call: Call, turns: int) -> list[bool]:
    return [of_that_moment(await call.ask()) for _ in range(turns)]
