"""How much is measured."""

from dataclasses import dataclass
from typing import Literal

from bench.calls import FULL_HD, HD, Size

Way = Literal["muted", "unpublished"]


@dataclass(frozen=True)
class Plan:
    """The sizes of all measurements; the defaults take about 40 minutes on two cores."""

    turns: int = 18
    """Spoken turns of each contender."""
    turns_per_call: int = 3
    """After so many it is the next contender's turn."""
    typed_turns: int = 3
    absences: tuple[Way, ...] = ("muted", "unpublished")
    """Ways in which the camera goes."""
    window_s: float = 60.0
    """Seconds of silence over which CPU is counted."""
    talk_cycles: int = 3
    """Cycles of a talk, of 20 s each; 0 for no talk."""
    sizes: tuple[Size, ...] = (HD, FULL_HD)
    """Cameras whose CPU is counted."""
    long_turns: int = 100
    """Spoken turns of the long call with ours."""
    stock_long_turns: int = 30
    """The same with stock, whose requests grow."""
    uploads: int = 40
    """Pictures of twelve megapixels, one after the other."""
    faults: int | None = None
    """Faults that are suffered, the first ones; `None` for all."""
    attention_turns: int = 60
    """Turns of each conversation that compares `adaptive` attention with `always`."""
    pause_rounds: int = 4
    """Rounds of ten recorded sentences each, for each way of turn taking."""


QUICK = Plan(
    turns=2,
    typed_turns=1,
    absences=("muted",),
    window_s=15.0,
    talk_cycles=0,
    sizes=(HD,),
    long_turns=10,
    stock_long_turns=10,
    uploads=10,
    attention_turns=5,
    faults=2,
    pause_rounds=1,
)
"""A few minutes, to see that everything works; the figures are too few to trust."""
