"""From planes to the JPEG that the model is sent."""

import base64
import hashlib
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.vision.encode import encode_bgr, encode_frame, fit
from tests.fakes import flat_frame, grey_frame, pixels

BOX = {"max_width": 1024, "max_height": 1024}
JPEG_ERROR = 3
"""Levels by which a flat colour may be off after the JPEG's own rounding, at quality 95."""


def bt601(y: int, u: int, v: int) -> NDArray[np.float64]:
    """The reference: BT.601 limited range to RGB, straight from the standard's equations."""
    luma, blue, red = 255 / 219 * (y - 16), 255 / 224 * (u - 128), 255 / 224 * (v - 128)
    kr, kg, kb = 0.299, 0.587, 0.114
    rgb = [
        luma + 2 * (1 - kr) * red,
        luma - 2 * kb * (1 - kb) / kg * blue - 2 * kr * (1 - kr) / kg * red,
        luma + 2 * (1 - kb) * blue,
    ]
    return np.asarray(np.clip(rgb, 0, 255), dtype=np.float64)


@pytest.mark.parametrize(
    "yuv",
    [
        (16, 128, 128),  # black
        (235, 128, 128),  # white
        (126, 128, 128),  # grey
        (82, 90, 240),  # red
        (145, 54, 34),  # green
        (41, 240, 110),  # blue
        (210, 16, 146),  # yellow
        (170, 166, 16),  # cyan
        (180, 110, 150),  # skin
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (640, 480)])
def test_colours_are_bt601_limited_range(yuv: tuple[int, int, int], size: tuple[int, int]) -> None:
    """Black is black, white is white, and colours keep their place, resized or not."""
    frame = flat_frame(yuv=yuv, width=size[0], height=size[1])
    seen = pixels(encode_frame(frame, max_width=64, max_height=64, quality=95).data)
    assert np.abs(seen - bt601(*yuv)).max() <= JPEG_ERROR


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((1280, 720), (1024, 1024), (1024, 576)),
        ((720, 1280), (1024, 1024), (576, 1024)),
        ((640, 480), (1024, 1024), (640, 480)),
        ((1024, 1024), (1024, 1024), (1024, 1024)),
        ((1920, 1080), (1920, 100), (178, 100)),
        ((10_000, 16), (1024, 1024), (1024, 2)),
        ((16, 10_000), (1024, 1024), (2, 1024)),
    ],
)
def test_fit_keeps_the_shape_inside_the_box(
    size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    """The largest size that fits, never enlarged, never thinner than two pixels."""
    assert fit(*size, *box) == expected


def test_fit_never_enlarges_and_never_leaves_the_box() -> None:
    """Holds for any picture and box, not only for the usual ones."""
    random = np.random.default_rng(1)
    for width, height, max_width, max_height in random.integers(2, 5000, size=(2000, 4)).tolist():
        fitted = fit(width, height, max_width, max_height)
        assert fitted[0] <= min(width, max_width)
        assert fitted[1] <= min(height, max_height)


@pytest.mark.parametrize(
    ("size", "rotation", "expected"),
    [
        ((1280, 720), 0, (1024, 576)),
        ((1280, 720), 90, (576, 1024)),
        ((1280, 720), 180, (1024, 576)),
        ((1280, 720), 270, (576, 1024)),
        ((641, 359), 0, (640, 358)),
        ((641, 359), 90, (358, 640)),
        ((1281, 721), 0, (1024, 576)),
        ((17, 17), 0, (16, 16)),
        ((16, 2001), 0, (8, 1024)),
    ],
)
def test_size_is_fitted_even_and_upright(size: tuple[int, int], rotation: int, expected: tuple[int, int]) -> None:
    """Odd frames lose at most one line; the file's true size is the size that is reported."""
    jpeg = encode_frame(flat_frame(width=size[0], height=size[1], rotation=rotation), **BOX, quality=75)
    assert (jpeg.width, jpeg.height) == expected
    assert pixels(jpeg.data).shape == (expected[1], expected[0], 3)


def test_turned_frame_is_fitted_after_turning() -> None:
    """The box is meant for the upright picture."""
    jpeg = encode_frame(flat_frame(width=1280, height=720, rotation=90), max_width=1000, max_height=360, quality=75)
    assert (jpeg.width, jpeg.height) == (202, 360)


def test_odd_frame_shows_its_content_in_place() -> None:
    """A wrong chroma or luma stride would shear the picture: the edge between two halves stays upright."""
    luma = np.full((359, 641), 16, dtype=np.uint8)
    luma[:, 320:] = 235
    seen = pixels(encode_frame(grey_frame(luma), **BOX, quality=95).data)
    assert seen[:, :312].max() <= JPEG_ERROR
    assert seen[:, 328:].min() >= 255 - JPEG_ERROR


@pytest.mark.parametrize(
    ("rotation", "row", "column"),
    [(0, 0, 0), (90, 0, -1), (180, -1, -1), (270, -1, 0)],
)
@pytest.mark.parametrize("size", [(64, 48), (641, 359)])
def test_rotation_turns_the_picture_clockwise(rotation: int, row: int, column: int, size: tuple[int, int]) -> None:
    """A white marker in the stored top left corner ends where a clockwise turn puts it, and nowhere else."""
    luma = np.full((size[1], size[0]), 16, dtype=np.uint8)
    luma[: size[1] // 4, : size[0] // 4] = 235
    seen = pixels(encode_frame(grey_frame(luma, rotation=rotation), **BOX, quality=95).data)
    bright = {(r, c): seen[r, c].min() > 200 for r in (0, -1) for c in (0, -1)}
    assert bright == {corner: corner == (row, column) for corner in bright}


@pytest.mark.parametrize("size", [0, 4607, 4609, 6144])
def test_buffer_of_a_wrong_size_is_refused(size: int) -> None:
    """A 64x48 frame has 4,608 bytes: anything else would be read askew."""
    frame = replace(flat_frame(width=64, height=48), i420=np.zeros(size, dtype=np.uint8))
    with pytest.raises(ValueError, match=f"64x48 frame has {size} bytes, expected 4608"):
        encode_frame(frame, **BOX, quality=75)


def test_jpeg_tells_its_digest_and_carries_itself_as_a_data_url() -> None:
    """What is logged as evidence is what the provider gets."""
    jpeg = encode_bgr(np.zeros((20, 30, 3), dtype=np.uint8), quality=75)
    assert (jpeg.width, jpeg.height) == (30, 20)
    assert jpeg.sha256 == hashlib.sha256(jpeg.data).hexdigest()
    head, _, body = jpeg.data_url.partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body) == jpeg.data


def test_lower_quality_makes_a_smaller_file() -> None:
    """The setting reaches the encoder."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(encode_bgr(noise, quality=20).data) < len(encode_bgr(noise, quality=90).data)
