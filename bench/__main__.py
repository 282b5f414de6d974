"""`make bench`: the same talk with sight on and off, side by side, as a table.

The provider stand-ins take 300 ms to the first token and 80 ms to the first sound, so that the delays compare.
"""

import argparse
import asyncio
import os
import platform
import signal
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from bench.talk import Talk, hold_talk, p95

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure, print, and write `bench/RESULTS.md` when asked to."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="spoken turns of each talk (default 20)")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    options = parser.parse_args()
    # As for Ctrl-C: the services live in sessions of their own, and only an orderly end takes them along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    text = asyncio.run(_measure(options.turns))
    sys.stdout.write(text)
    if options.write:
        (ROOT / "bench" / "RESULTS.md").write_text(text, encoding="utf-8")
    return 0


async def _measure(turns: int) -> str:
    with tempfile.TemporaryDirectory(prefix="sighted-bench-") as scratch:
        sighted = await hold_talk(turns, Path(scratch) / "on", {})
        blind = await hold_talk(turns, Path(scratch) / "off", {"VISION__SOURCE": "off"})
    rows = [
        ("sighted turns", _share(sighted), _share(blind)),
        ("picture's age at the model request, median / p95", _ms(sighted.view_age_ms), _ms(blind.view_age_ms)),
        ("speech end to first sound, median / p95", _ms(sighted.delay_ms), _ms(blind.delay_ms)),
        ("longest event-loop stall, first turn / later", _stalls(sighted), _stalls(blind)),
        (f"job process memory at turn 2 / {turns}", _memory(sighted), _memory(blind)),
    ]
    ratio = statistics.median(sighted.delay_ms) / statistics.median(blind.delay_ms)
    table = "\n".join(f"| {name} | {on} | {off} |" for name, on, off in rows)
    return (
        f"# Results\n\n`make bench ARGS=--write`, {turns} spoken turns each, exact mode (300 ms first token, "
        f"80 ms first sound), 1280x720 camera at 30 frames a second.\n\n"
        f"| figure | sight on | sight off |\n| --- | --- | --- |\n{table}\n\n"
        f"First sound with sight on over off: {ratio:.2f}.\n\n"
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"livekit-agents {version('livekit-agents')}, livekit {version('livekit')}, "
        f"OpenCV {version('opencv-python-headless')}; caller, server, stand-ins and worker share the machine.\n"
    )


def _share(talk: Talk) -> str:
    return f"{talk.sighted}/{len(talk.turns)}"


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} / {p95(values):.0f} ms" if values else "-"


def _stalls(talk: Talk) -> str:
    stalls = [turn["stall_ms"] for turn in talk.logged]
    return f"{stalls[0]} / {max(stalls[1:], default=0)} ms"


def _memory(talk: Talk) -> str:
    return f"{talk.memory_mb[min(1, len(talk.memory_mb) - 1)]:.0f} / {talk.memory_mb[-1]:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
