"""Parts of a frame are the right ones, upright, whole and in colour."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from agent.vision.fit import Rect
from agent.vision.frame import Frame
from agent.vision.region import Region, crop, cut, planes
from tests.fakes import flat_frame, grey_frame

SIZES = [(64, 48), (641, 359), (642, 358), (643, 361), (16, 17), (2, 3), (1, 1)]
STARTS: dict[Region, tuple[int, int]] = {
    "top left": (0, 0),
    "top": (0, 1),
    "top right": (0, 2),
    "left": (1, 0),
    "center": (1, 1),
    "right": (1, 2),
    "bottom left": (2, 0),
    "bottom": (2, 1),
    "bottom right": (2, 2),
}
"""Row and column of the upper left quarter of each half, in a picture of four by four quarters."""


def upright(frame: Frame) -> np.ndarray:
    """The luma as it is meant to be seen."""
    return np.rot90(planes(frame)[0], -frame.rotation // 90)


def quarters(size: int, rotation: int) -> Frame:
    """A square frame of four by four flat quarters that, upright, are lit 0, 10, 20 ... along the rows."""
    luma = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10
    seen = np.kron(luma, np.ones((size // 4, size // 4), dtype=np.uint8))
    return grey_frame(np.ascontiguousarray(np.rot90(seen, rotation // 90)), rotation=rotation)


def test_there_are_nine_regions() -> None:
    """The test's table and the type name the same."""
    assert set(get_args(Region)) == set(STARTS)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("region", STARTS)
def test_region_is_that_half_of_the_upright_picture(region: Region, rotation: int) -> None:
    """Whichever way the camera lies, `top left` is what the caller sees at the top left."""
    part = crop(quarters(64, rotation), region)
    row, column = STARTS[region]
    corner = 10 * (4 * row + column)
    seen = upright(part)
    assert seen.shape == (32, 32)
    assert [seen[0, 0], seen[0, -1], seen[-1, 0], seen[-1, -1]] == [corner, corner + 10, corner + 40, corner + 50]
    assert part.rotation == rotation


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rotation", [0, 90])
def test_halves_of_any_size_cover_the_picture(size: tuple[int, int], rotation: int) -> None:
    """Odd sizes too: no line is out of reach, and each part is half as large to within two pixels."""
    luma = np.random.default_rng(1).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    frame = grey_frame(luma, rotation=rotation)
    parts = {region: crop(frame, region) for region in get_args(Region)}
    seen = upright(frame)
    for part in parts.values():
        assert abs(part.width - size[0] / 2) <= 2
        assert abs(part.height - size[1] / 2) <= 2
    corners = {region: upright(part) for region, part in parts.items()}
    for vertical, horizontal in [("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right")]:
        found = next(part for region, part in corners.items() if region == f"{vertical} {horizontal}")
        rows = slice(found.shape[0]) if vertical == "top" else slice(-found.shape[0], None)
        columns = slice(found.shape[1]) if horizontal == "left" else slice(-found.shape[1], None)
        assert np.array_equal(found, seen[rows, columns])
    left, right = corners["top left"].shape[1], corners["top right"].shape[1]
    assert left + right >= seen.shape[1]
    assert corners["top left"].shape[0] + corners["bottom left"].shape[0] >= seen.shape[0]


@pytest.mark.parametrize("region", STARTS)
@pytest.mark.parametrize("size", SIZES)
def test_colour_stays_with_its_pixels(region: Region, size: tuple[int, int]) -> None:
    """Each pixel of a part has the colour that it has in the whole: chroma is cut where luma is."""
    width, height = size
    rows, columns = np.mgrid[0 : (height + 1) // 2, 0 : (width + 1) // 2]
    luma = np.kron(rows * 7 + columns * 3, np.ones((2, 2), dtype=int))[:height, :width] % 200
    both = [luma, (rows * 7 + columns * 3) % 200, (rows * 7 + columns * 3) % 200]
    i420 = np.concatenate([plane.reshape(-1) for plane in both]).astype(np.uint8)
    y, u, v = planes(crop(replace(flat_frame(width=width, height=height), i420=i420), region))
    spread = np.kron(u, np.ones((2, 2), dtype=np.uint8))[: y.shape[0], : y.shape[1]]
    assert np.array_equal(y, spread)
    assert np.array_equal(u, v)


def test_part_owns_its_pixels_and_keeps_where_it_comes_from() -> None:
    """The frame may go when its part is kept; the part is still of that track and moment."""
    frame = flat_frame(width=64, height=48, sid="TR_9", source="screen", taken_at=7.0)
    part = crop(frame, "center")
    assert not np.shares_memory(part.i420, frame.i420)
    assert (part.track_sid, part.source, part.taken_at) == ("TR_9", "screen", 7.0)


def test_cut_takes_the_colour_of_a_half_pair_at_an_odd_end() -> None:
    """A part of odd width still has a colour for its last column."""
    y, u, v = cut(planes(flat_frame(width=64, height=48)), Rect(2, 4, 7, 9))
    assert (y.shape, u.shape, v.shape) == ((9, 7), (5, 4), (5, 4))


@pytest.mark.parametrize("size", [0, 4607, 4609, 6144])
def test_buffer_of_a_wrong_size_is_refused(size: int) -> None:
    """A 64x48 frame has 4,608 bytes: anything else would be cut askew."""
    frame = replace(flat_frame(width=64, height=48), i420=np.zeros(size, dtype=np.uint8))
    with pytest.raises(ValueError, match=f"64x48 frame has {size} bytes, expected 4608"):
        crop(frame, "top")
