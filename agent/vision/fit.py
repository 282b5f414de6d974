"""How a picture is laid out in a box: which part of it is taken, and its size."""

from dataclasses import dataclass

from agent.vision.scale import scaled
from config.vision import Resize


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
        size = scaled(width, height, inner)
        bars = max(1.0, inner)  # the box shrinks by as much as the picture would have grown
        return Layout(whole, *size, max(size[0], round(max_width / bars)), max(size[1], round(max_height / bars)))
    if resize == "center_aspect_cover":
        box = max(1.0, outer)
        size = min(width, max(2, round(max_width / box))), min(height, max(2, round(max_height / box)))
        scale = min(1.0, outer)
        taken = min(width, max(size[0], round(size[0] / scale))), min(height, max(size[1], round(size[1] / scale)))
        return Layout(Rect(even((width - taken[0]) // 2), even((height - taken[1]) // 2), *taken), *size, *size)
    size = scaled(width, height, inner if resize == "scale_aspect_fit" else outer)
    return Layout(whole, *size, *size)


def even(number: int) -> int:
    """The even number at or below."""
    return number - number % 2
