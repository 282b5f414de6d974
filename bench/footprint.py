"""What a worker takes of a machine: seconds until it is registered, memory while idle, and of each call."""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack

import psutil

from bench.calls import HD, open_call
from bench.plan import Plan
from bench.report import Row, Section
from bench.stage import Stage, say
from bench.workers import OURS_ADAPTIVE, Worker

STARTS = 5
CALLS = 4
SETTLE_S = 8.0
"""Seconds until the idle process that replaces a taken one is warm."""

METHOD = (
    "Footprint: the worker started {starts} times, from its first instruction until `/readyz` answers 200 (asked every "
    "0.1 s); median. Memory is the proportional set size (PSS) of the worker and all its processes, "
    "so that what they share counts once: idle with one warm process (`WORKER__IDLE_PROCESSES=1`), then with {calls} "
    "calls, each with a 1280x720 camera and one spoken turn, {settle:.0f} s after the last. A further call's is the "
    "slope from the first call on."
)


async def measure(stage: Stage, _: Plan) -> list[Section]:
    """Start it, look at it, and fill it."""
    starts = []
    for _number in range(STARTS):
        began = time.monotonic()
        async with stage.worker(OURS_ADAPTIVE):
            starts.append(time.monotonic() - began)
    async with AsyncExitStack() as running:
        worker = await running.enter_async_context(stage.worker(OURS_ADAPTIVE))
        await asyncio.sleep(SETTLE_S)
        memory = [_pss_mb(worker)]
        for number in range(1, CALLS + 1):
            call = await running.enter_async_context(open_call(stage, worker, HD))
            await call.ask()
            await asyncio.sleep(SETTLE_S)
            memory.append(_pss_mb(worker))
            say(f"footprint: {memory[-1]:.0f} MB with {number} calls")
    further = (memory[-1] - memory[1]) / (CALLS - 1)
    ordered = sorted(starts)
    rows = [
        Row("cold start to registered", "", f"{statistics.median(ordered):.1f} s (longest {ordered[-1]:.1f})"),
        Row("memory of an idle worker", "", f"{memory[0]:.0f} MB"),
        Row("memory with one call", "", f"{memory[1]:.0f} MB"),
        Row("memory of one more call", "", f"{further:.0f} MB"),
    ]
    return [Section(rows, METHOD.format(starts=STARTS, calls=CALLS, settle=SETTLE_S))]


def _pss_mb(worker: Worker) -> float:
    parent = psutil.Process(worker.pid)
    return float(sum(process.memory_full_info().pss for process in [parent, *parent.children(recursive=True)]) / 1e6)
