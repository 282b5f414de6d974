"""`make bench`: the documented LiveKit vision recipe and Sighted, side by side, as a table.

Progress goes to standard error, the results to standard output. It exits with 1 if what was to be measured was not what
it should be, so that a figure means what it says.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

from bench import (
    absence,
    arrival,
    attention,
    cpu,
    faults,
    footprint,
    memory,
    pictures,
    realtime,
    turn_taking,
    turns,
    uploads,
)
from bench.plan import QUICK, Plan
from bench.report import Section, by_hand, document
from bench.stage import open_stage, say

RESULTS = Path(__file__).with_name("RESULTS.md")
MEASUREMENTS = {
    "encoding": pictures.measure,
    "turns": turns.measure,
    "arrival": arrival.measure,
    "absence": absence.measure,
    "memory": memory.measure,
    "uploads": uploads.measure,
    "cpu": cpu.measure,
    "attention": attention.measure,
    "faults": faults.measure,
    "footprint": footprint.measure,
    "turn-taking": turn_taking.measure,
    "realtime": realtime.measure,
}
APART = {"attention", "faults", "footprint", "realtime", "turn-taking", "uploads"}
"""Have a page of their own: measured only when named."""


def main() -> int:
    """Measure, print, and write `bench/RESULTS.md` when asked to."""
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--turns", type=int, help="spoken turns of each contender")
    parser.add_argument("--long-turns", type=int, help="spoken turns of the long call with ours")
    parser.add_argument("--quick", action="store_true", help="a few minutes, to see that everything works")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=RESULTS, metavar="FILE", help="write bench/RESULTS.md, if nothing failed"
    )
    parser.add_argument("--logs", type=Path, help="keep the services' logs in this folder")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    if options.turns:
        plan = replace(plan, turns=options.turns)
    if options.long_turns:
        plan = replace(plan, long_turns=options.long_turns)
    # As for Ctrl-C: the services live in sessions of their own, and only an orderly end takes them along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="sighted-bench-") as scratch:
        names = options.only or [name for name in MEASUREMENTS if name not in APART]
        sections, failed = asyncio.run(_measure(names, plan, options.logs or Path(scratch)))
    given = [argument for argument in sys.argv[1:] if argument not in {"--write", str(options.write)}]
    text = document(sections, " ".join(["make bench", *([f'ARGS="{" ".join(given)}"'] if given else [])]))
    sys.stdout.write(text)
    for name, reason in failed.items():
        sys.stderr.write(f"{name} failed: {reason}\n")
    if options.write and not failed:
        earlier = options.write.read_text(encoding="utf-8") if options.write.exists() else ""
        options.write.write_text(text + by_hand(earlier), encoding="utf-8")
    return 1 if failed else 0


async def _measure(names: list[str], plan: Plan, logs: Path) -> tuple[list[Section], dict[str, str]]:
    """What was measured, and what failed with its reason."""
    sections: list[Section] = []
    failed: dict[str, str] = {}
    async with open_stage(logs) as stage:
        for name in names:
            say(f"{name}: begins")
            try:
                sections += await MEASUREMENTS[name](stage, plan)
            except Exception as error:  # noqa: BLE001 - the others are worth having; the exit code tells
                failed[name] = f"{type(error).__name__}: {error}"
                traceback.print_exc()
            await stage.sandbox.clear()
    return sections, failed


if __name__ == "__main__":
    sys.exit(main())
