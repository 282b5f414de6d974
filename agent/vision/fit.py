"""How large a picture becomes: which part of it is taken, its size, and what is tried when its file is too large."""

import math
from dataclasses import dataclass

from config.vision import Resize

QUALITIES = (60, 45, 30)
"""Tried in turn when a file is too large; below the last, a smaller picture shows more than a coarser one."""
SMALLEST_PX = 32
"""A picture whose longer edge would become shorter than this shows nothing any more."""
_FAR = 3.0
"""A file this many times too large is not saved by quality alone: from 75 to 30 it shrinks to about a half."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of a picture, in pixels. `left` and `top` are even, so that it can be cut from planes."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How a picture is brought into a box.

    Attributes:
        part: What is taken of it.
        width: Pixels to which that part is resized; never more than it has.
        height: Pixels, likewise.
        canvas_width: Pixels of the result; more than `width` only when bars are added left and right.
        canvas_height: Pixels of the result; more than `height` only when bars are added above and below.
    """

    part: Rect
    width: int
    height: int
    canvas_width: int
    canvas_height: int


@dataclass(frozen=True, slots=True)
class Step:
    """One try at a file that is small enough.

    Attributes:
        quality: 1 to 100; `None` for a format that has none.
        scale: Of both edges; 1 is the size that was laid out.
    """

    quality: int | None
    scale: float


def fit(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The largest size within the box that keeps the shape and never enlarges; an edge has 2 pixels if it had them."""
    return _scaled(width, height, min(max_width / width, max_height / height))


def layout(width: int, height: int, max_width: int, max_height: int, resize: Resize) -> Layout:
    """Lay a picture out by the framework's strategies, whose boxes are reduced in proportion where they would enlarge.

    - `scale_aspect_fit`: the whole picture, in its shape, inside the box.
    - `scale_aspect_cover`: the whole picture, in its shape, covering the box and reaching out of it.
    - `center_aspect_fit`: as `scale_aspect_fit`, with black bars up to the shape of the box.
    - `center_aspect_cover`: the middle of the picture, filling the box.
    - `skew`: each edge to that of the box; the shape is lost.
    - `none`: as it is.
    """
    whole = Rect(0, 0, width, height)
    inner, outer = sorted((max_width / width, max_height / height))
    if resize == "none":
        return Layout(whole, width, height, width, height)
    if resize == "skew":
        size = min(width, max_width), min(height, max_height)
        return Layout(whole, *size, *size)
    if resize == "center_aspect_fit":
        size = _scaled(width, height, inner)
        bars = max(1.0, inner)  # the box shrinks by as much as the picture would have grown
        return Layout(whole, *size, max(size[0], round(max_width / bars)), max(size[1], round(max_height / bars)))
    if resize == "center_aspect_cover":
        box = max(1.0, outer)
        size = min(width, max(2, round(max_width / box))), min(height, max(2, round(max_height / box)))
        scale = min(1.0, outer)
        taken = min(width, max(size[0], round(size[0] / scale))), min(height, max(size[1], round(size[1] / scale)))
        return Layout(Rect(even((width - taken[0]) // 2), even((height - taken[1]) // 2), *taken), *size, *size)
    size = _scaled(width, height, inner if resize == "scale_aspect_fit" else outer)
    return Layout(whole, *size, *size)


def smaller(step: Step, size: int, limit: int) -> Step:
    """What to try after a file of `size` bytes, over the limit: the next lower quality, then fewer pixels."""
    lower = [quality for quality in QUALITIES if step.quality is not None and quality < step.quality]
    if lower:
        return Step(lower[-1] if size > _FAR * limit else lower[0], step.scale)
    # Bytes go with the pixels or, where detail is lost, fall less; so aim a little lower, and never by a hair.
    return Step(step.quality, step.scale * min(0.85, max(0.5, 0.95 * math.sqrt(limit / size))))


def even(number: int) -> int:
    """The even number at or below."""
    return number - number % 2


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    scale = min(1.0, scale)
    return min(width, max(2, round(width * scale))), min(height, max(2, round(height * scale)))
