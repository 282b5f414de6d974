"""Measured rows as a table, each with its goal and whether that was reached."""

import os
import platform
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

MACHINE_PACKAGES = ("livekit-agents", "livekit", "livekit-plugins-openai", "numpy", "opencv-python-headless", "pillow")
BY_HAND = "## What was missed, and why"
"""From this heading on, the results are written by people, and kept when the rest is renewed."""
_DRAWS = 2_000


@dataclass(frozen=True)
class Row:
    """One figure, side by side.

    Attributes:
        figure: What was measured, with its unit.
        stock: The documented recipe's.
        ours: Ours.
        goal: What was aimed at.
        reached: Whether ours does; `None` where there is no goal of its own.
    """

    figure: str
    stock: str
    ours: str
    goal: str = ""
    reached: bool | None = None

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return {True: "reached", False: "**missed**", None: ""}[self.reached]


@dataclass(frozen=True)
class Section:
    """The rows of one measurement, and in a few sentences how they were made."""

    rows: list[Row]
    method: str


@dataclass(frozen=True)
class Ratio:
    """One median over another, and the interval in which nineteen of twenty repetitions would lie."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio_of_medians(values: Sequence[float], base: Sequence[float]) -> Ratio:
    """Compare two series; the interval is bootstrapped, with a fixed seed."""
    draw = random.Random(0)  # noqa: S311 - no cryptography here
    drawn = sorted(
        statistics.median(draw.choices(values, k=len(values))) / statistics.median(draw.choices(base, k=len(base)))
        for _ in range(_DRAWS)
    )
    tail = _DRAWS // 40
    return Ratio(statistics.median(values) / statistics.median(base), drawn[tail], drawn[-tail - 1])


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many per cent lie, interpolated."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median and 95th percentile."""
    if not values:
        return "-"
    return f"{statistics.median(values):.0f} / {percentile(values, 95):.0f}{unit and ' ' + unit}"


def share(sighted: Sequence[bool]) -> str:
    """How many of how many."""
    return f"{sum(sighted)} of {len(sighted)}"


def both(ours: str, adaptive: str) -> str:
    """One cell for ours with `VISION__ATTENTION=always` and `adaptive`."""
    return ours if ours == adaptive else f"{ours}; adaptive: {adaptive}"


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    head = "| figure | stock | ours | goal | verdict |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(f"| {row.figure} | {row.stock} | {row.ours} | {row.goal} | {row.verdict} |\n" for row in rows)


def document(sections: Sequence[Section], command: str) -> str:
    """The whole of `bench/RESULTS.md`."""
    rows = [row for section in sections for row in section.rows]
    methods = "".join(f"- {section.method}\n" for section in sections)
    return (
        "# Results\n\n"
        "Ours and, where it is compared, the documented recipe (`bench/recipe.py` in the worker `bench/stock.py`), on "
        "a real LiveKit server, provider stand-ins in exact mode (300 ms to the first token, 80 ms to the first sound) "
        f"and a scripted caller, in one run: `{command}`.\n\n{table(rows)}\n## How each was measured\n\n{methods}\n"
        f"## Machine\n\n{machine()}\n"
    )


def by_hand(results: str) -> str:
    """What people wrote in earlier results; empty if nothing."""
    _, heading, text = results.partition(BY_HAND)
    return f"\n{heading}{text}" if heading else ""


def machine() -> str:
    """What it ran on."""
    packages = ", ".join(f"{name} {version(name)}" for name in MACHINE_PACKAGES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, {packages}. Caller, LiveKit server, stand-ins and workers share the machine."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
