"""Parts of a frame, cut from its planes: no colour is converted for pixels that nobody sees."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agent.vision.fit import Rect, even
from agent.vision.frame import Frame

Region = Literal["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""Y (height x width), U and V (half of each, rounded up), uint8."""

_PLACES: dict[Region, tuple[int, int]] = {
    "top left": (0, 0),
    "top": (1, 0),
    "top right": (2, 0),
    "left": (0, 1),
    "center": (1, 1),
    "right": (2, 1),
    "bottom left": (0, 2),
    "bottom": (1, 2),
    "bottom right": (2, 2),
}
"""Column and row, each 0 to 2, in the upright picture."""


def crop(frame: Frame, region: Region) -> Frame:
    """Half the width and half the height of the upright picture, to within two pixels; the halves overlap.

    The rotation stays to be applied.

    Raises:
        ValueError: If the frame's buffer does not have the size its dimensions say.
    """
    column, row = _stored(*_PLACES[region], frame.rotation)
    left, width = _span(frame.width, column)
    top, height = _span(frame.height, row)
    parts = cut(planes(frame), Rect(left, top, width, height))
    return replace(frame, i420=np.concatenate([part.reshape(-1) for part in parts]), width=width, height=height)


def planes(frame: Frame) -> Planes:
    """The frame's planes, as views of its buffer.

    Raises:
        ValueError: If the buffer does not have the size its dimensions say.
    """
    chroma_width, chroma_height = (frame.width + 1) // 2, (frame.height + 1) // 2
    luma, chroma = frame.width * frame.height, chroma_width * chroma_height
    if min(frame.width, frame.height) < 1 or frame.i420.size != luma + 2 * chroma:
        raise ValueError(
            f"a {frame.width}x{frame.height} frame has {frame.i420.size} bytes, expected {luma + 2 * chroma}"
        )
    y, u, v = np.split(frame.i420, (luma, luma + chroma))
    return (
        y.reshape(frame.height, frame.width),
        u.reshape(chroma_height, chroma_width),
        v.reshape(chroma_height, chroma_width),
    )


def cut(whole: Planes, part: Rect) -> Planes:
    """That part of the planes, as views of them."""
    y, u, v = whole
    rows, columns = slice(part.top, part.top + part.height), slice(part.left, part.left + part.width)
    # Two by two pixels share their colour: the part begins on an even one, and at an odd end takes half a pair more.
    halved = (slice(rows.start // 2, (rows.stop + 1) // 2), slice(columns.start // 2, (columns.stop + 1) // 2))
    return y[rows, columns], u[halved], v[halved]


def _stored(column: int, row: int, rotation: int) -> tuple[int, int]:
    """Where a place of the upright picture lies in the stored one, which is turned clockwise to be upright."""
    return {90: (row, 2 - column), 180: (2 - column, 2 - row), 270: (2 - row, column)}.get(rotation, (column, row))


def _span(edge: int, place: int) -> tuple[int, int]:
    """Offset (even) and length of the first, the middle or the last half of an edge."""
    if place == 2:
        start = even(edge // 2)
        return start, edge - start
    return (even(edge // 4) if place == 1 else 0), (edge + 1) // 2
