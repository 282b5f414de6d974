"""Encoding one frame, as rows of the results; `bench.encoding` measures it."""

import asyncio

from bench.plan import Plan
from bench.report import Row, Section
from bench.stage import Stage, say

GOALS = {"1280x720": 3.5, "1920x1080": 3.5, "3840x2160": 6.0}
"""Times as fast as stock, by the label of a row: the frame's size."""

METHOD = (
    "Encoding: one frame to JPEG at the same output size and quality, on one thread, median of repetitions "
    "(`bench/encoding.py`, which first compares the pictures). Stock encodes on the event loop, ours in a thread."
)


async def measure(stage: Stage, plan: Plan) -> list[Section]:  # noqa: ARG001 - needs no call
    """Encode both ways."""
    from bench.encoding import measure as encode  # noqa: PLC0415 - OpenCV and Pillow, for this one measurement

    rows = []
    for each in await asyncio.to_thread(encode):
        goal = GOALS.get(each.label)
        rows.append(
            Row(
                f"encode, {each.label}",
                f"{each.stock_ms:.1f} ms on the loop",
                f"{each.ours_ms:.1f} ms off the loop, {each.ratio:.1f} times as fast",
                "" if goal is None else f"at least {goal:g} times as fast",
                None if goal is None else each.ratio >= goal,
            )
        )
        say(f"encoding: {rows[-1]}")
    return [Section(rows, METHOD)]
