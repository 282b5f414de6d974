"""How much smaller a picture becomes: to fit into a box, and then into a number of bytes."""

import math
from dataclasses import dataclass

QUALITIES = (60, 45, 30)
"""Tried in turn when a file is too large; below the last, a smaller picture shows more than a coarser one."""
SMALLEST_PX = 32
"""A picture whose longer edge would become shorter than this shows nothing any more."""
_FAR = 3.0
"""A file this many times too large is not saved by quality alone: from 75 to 30 it shrinks to about a half."""


@dataclass(frozen=True, slots=True)
class Step:
    """One try at a file that is small enough.

    Attributes:
        quality: 1 to 100; `None` for a format that has none.
        scale: Of both edges; 1 is the size that was laid out.
    """

    quality: int | None
    scale: float

    def size(self, width: int, height: int) -> tuple[int, int] | None:
        """The pixels of a picture at this scale; `None` if it would show nothing any more."""
        if self.scale == 1:
            return width, height
        edges = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        return edges if max(edges) >= SMALLEST_PX else None


def fit(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The largest size within the box that keeps the shape and never enlarges; an edge has 2 pixels if it had them."""
    return scaled(width, height, min(max_width / width, max_height / height))


def smaller(step: Step, size: int, limit: int) -> Step:
    """What to try after a file of `size` bytes, over the limit: the next lower quality, then fewer pixels."""
    lower = [quality for quality in QUALITIES if step.quality is not None and quality < step.quality]
    if lower:
        return Step(lower[-1] if size > _FAR * limit else lower[0], step.scale)
    # Bytes go with the pixels or, where detail is lost, fall less; so aim a little lower, and never by a hair.
    return Step(step.quality, step.scale * min(0.85, max(0.5, 0.95 * math.sqrt(limit / size))))


def scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    """The size times `scale`, but never enlarged."""
    scale = min(1.0, scale)
    return min(width, max(2, round(width * scale))), min(height, max(2, round(height * scale)))
