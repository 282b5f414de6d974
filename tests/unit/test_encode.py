"""From planes to the picture file that the model is sent."""

import base64
import hashlib
import io
import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from livekit import rtc
from numpy.typing import NDArray
from PIL import Image

from agent.vision.encode import encode_bgr, encode_frame
from agent.vision.encoded import EncodedImage
from agent.vision.frame import Frame
from agent.vision.target import Target
from config.vision import PictureFormat, Resize
from tests.fakes import flat_frame, grey_frame, pixels

FINE = Target(1024, 1024, "scale_aspect_fit", "jpeg", 95, 10_000_000)
JPEG_ERROR = 3
"""Levels by which a flat colour may be off after the JPEG's own rounding, at quality 95."""
FORMATS: tuple[PictureFormat, ...] = ("jpeg", "png", "webp")


def shown(image: EncodedImage) -> NDArray[np.int64]:
    """The file's pixels (RGB, height x width x 3), read by another library than wrote them."""
    with Image.open(io.BytesIO(image.data), formats=["JPEG", "PNG", "WEBP"]) as opened:
        assert opened.size == (image.width, image.height)
        assert image.mime == Image.MIME[str(opened.format)]
        return np.asarray(opened.convert("RGB")).astype(np.int64)


def bt601(frame: Frame) -> NDArray[np.float64]:
    """The reference: BT.601 limited range by the standard's equations, each chroma sample held for its four pixels."""
    height, width = frame.height, frame.width
    y, u, v = np.split(frame.i420.astype(float), (width * height, width * height * 5 // 4))
    blue, red = (np.kron(c.reshape(height // 2, width // 2) - 128, np.ones((2, 2))) * 255 / 224 for c in (u, v))
    luma = (y.reshape(height, width) - 16) * 255 / 219
    kr, kg, kb = 0.299, 0.587, 0.114
    rgb = [
        luma + 2 * (1 - kr) * red,
        luma - 2 * kb * (1 - kb) / kg * blue - 2 * kr * (1 - kr) / kg * red,
        luma + 2 * (1 - kb) * blue,
    ]
    return np.clip(np.stack(rgb, axis=-1), 0, 255)


def chart() -> Frame:
    """Patches of 16x16 pixels: every combination of 11 steps of Y and 15 each of U and V, over the whole range."""
    steps = itertools.product(np.linspace(16, 235, 11), np.linspace(16, 240, 15), np.linspace(16, 240, 15))
    yuv = np.round(list(steps)).astype(np.uint8).reshape(45, 55, 3)
    planes = [np.kron(yuv[:, :, i], np.ones((edge, edge), np.uint8)) for i, edge in enumerate((16, 8, 8))]
    i420 = np.concatenate([plane.reshape(-1) for plane in planes])
    return Frame(i420, 55 * 16, 45 * 16, 0, "TR_1", "camera", 0.0)


def inner(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of each patch of the chart: JPEG and WebP readers blend the colours of neighbours at its edges."""
    rows, columns = error.shape[0] // 16, error.shape[1] // 16
    return error.reshape(rows, 16, columns, 16, 3)[:, 4:12, :, 4:12]


def noise(width: int, height: int) -> Frame:
    """A frame that no encoder can make small."""
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    i420 = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    return Frame(i420, width, height, 0, "TR_1", "camera", 0.0)


@pytest.mark.parametrize(
    ("kind", "quality", "largest", "mean"),
    [("png", 75, 0.7, 0.2), ("jpeg", 75, 4, 0.5), ("jpeg", 95, 2, 0.5), ("webp", 75, 12, 1.0), ("webp", 95, 4, 0.5)],
)
def test_colours_are_bt601_limited_range(kind: PictureFormat, quality: int, largest: float, mean: float) -> None:
    """Over 2,475 colours of the whole range: rounding alone as PNG, and the file's own losses otherwise."""
    frame = chart()
    error = inner(np.abs(shown(encode_frame(frame, replace(FINE, format=kind, quality=quality))) - bt601(frame)))
    assert error.max() <= largest
    assert error.mean() <= mean


def test_every_pixel_is_converted_alike() -> None:
    """As PNG the patches are right to their very edges: no chroma sample reaches beyond its four pixels."""
    frame = chart()
    assert np.abs(shown(encode_frame(frame, replace(FINE, format="png"))) - bt601(frame)).max() <= 0.7


def test_colours_are_those_of_the_frameworks_own_converter() -> None:
    """A second reference: what the SDK shows is at most three levels off, so no room sees other colours than we do."""
    frame = chart()
    video = rtc.VideoFrame(frame.width, frame.height, rtc.VideoBufferType.I420, frame.i420.tobytes())
    theirs = np.frombuffer(video.convert(rtc.VideoBufferType.RGB24).data, np.uint8)
    ours = shown(encode_frame(frame, replace(FINE, format="png")))
    error = np.abs(ours - theirs.reshape(ours.shape).astype(np.int64))
    assert error.max() <= 3
    assert error.mean() <= 1


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((82, 90, 240), (255, 0, 0)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (0, 0, 255)),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (63, 47), (640, 480), (3840, 2160), (199, 131)])
def test_colours_stay_when_the_picture_shrinks(
    yuv: tuple[int, int, int], rgb: tuple[int, int, int], size: tuple[int, int]
) -> None:
    """Black is black, white is white, and colours keep their place, at every path through the resizer."""
    frame = flat_frame(yuv=yuv, width=size[0], height=size[1])
    seen = pixels(encode_frame(frame, replace(FINE, max_width=64, max_height=64)).data)
    assert np.abs(seen - rgb).max() <= JPEG_ERROR


@pytest.mark.parametrize(
    ("size", "rotation", "expected"),
    [
        ((1280, 720), 0, (1024, 576)),
        ((720, 1280), 0, (576, 1024)),
        ((1280, 720), 90, (576, 1024)),
        ((1280, 720), 180, (1024, 576)),
        ((1280, 720), 270, (576, 1024)),
        ((641, 359), 0, (641, 359)),
        ((641, 359), 90, (359, 641)),
        ((1281, 721), 0, (1024, 576)),
        ((17, 17), 0, (17, 17)),
        ((16, 2001), 0, (8, 1024)),
    ],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_size_is_fitted_and_upright(
    size: tuple[int, int], rotation: int, expected: tuple[int, int], kind: PictureFormat
) -> None:
    """Odd frames and portrait keep their shape; the file's true size is the size that is reported."""
    frame = flat_frame(width=size[0], height=size[1], rotation=rotation)
    assert shown(encode_frame(frame, replace(FINE, format=kind))).shape == (expected[1], expected[0], 3)


@pytest.mark.parametrize(
    ("resize", "rotation", "expected"),
    [
        ("scale_aspect_fit", 0, (100, 75)),
        ("scale_aspect_fit", 90, (100, 133)),
        ("scale_aspect_cover", 0, (267, 200)),
        ("scale_aspect_cover", 90, (150, 200)),
        ("center_aspect_fit", 0, (100, 200)),
        ("center_aspect_cover", 0, (100, 200)),
        ("center_aspect_cover", 90, (100, 200)),
        ("skew", 0, (100, 200)),
        ("skew", 270, (100, 200)),
        ("none", 0, (641, 481)),
        ("none", 90, (481, 641)),
    ],
)
def test_every_strategy_meets_the_box_of_the_upright_picture(
    resize: Resize, rotation: int, expected: tuple[int, int]
) -> None:
    """A box of 100x200 for a picture of 641x481, lying or standing."""
    target = replace(FINE, max_width=100, max_height=200, resize=resize)
    assert shown(encode_frame(flat_frame(width=641, height=481, rotation=rotation), target)).shape[1::-1] == expected


def test_bars_are_black_and_the_picture_between_them_is_whole() -> None:
    """A white frame in a higher box: bars above and below."""
    target = replace(FINE, max_width=64, max_height=128, resize="center_aspect_fit", format="png")
    seen = shown(encode_frame(flat_frame(yuv=(235, 128, 128), width=128, height=128), target))
    assert [int(row.mean()) for row in seen[::16]] == [0, 0, 255, 255, 255, 255, 0, 0]


def test_middle_is_kept_when_the_edges_are_cut_off() -> None:
    """Black and white thirds of a wide frame: the middle one fills the square."""
    luma = np.repeat(np.array([[16, 235, 16]], dtype=np.uint8), 100, axis=1).repeat(100, axis=0)
    target = replace(FINE, max_width=50, max_height=50, resize="center_aspect_cover")
    assert shown(encode_frame(grey_frame(luma), target))[:, 2:-2].min() >= 255 - JPEG_ERROR


def test_odd_frame_shows_its_content_in_place() -> None:
    """A wrong chroma or luma stride would shear the picture: the edge between two halves stays upright."""
    luma = np.full((359, 641), 16, dtype=np.uint8)
    luma[:, 320:] = 235
    seen = pixels(encode_frame(grey_frame(luma), FINE).data)
    assert seen[:, :312].max() <= JPEG_ERROR
    assert seen[:, 328:].min() >= 255 - JPEG_ERROR


@pytest.mark.parametrize(("rotation", "row", "column"), [(0, 0, 0), (90, 0, -1), (180, -1, -1), (270, -1, 0)])
@pytest.mark.parametrize("size", [(64, 48), (641, 359)])
def test_rotation_turns_the_picture_clockwise(rotation: int, row: int, column: int, size: tuple[int, int]) -> None:
    """A white marker in the stored top left corner ends where a clockwise turn puts it, never mirrored."""
    luma = np.full((size[1], size[0]), 16, dtype=np.uint8)
    luma[: size[1] // 4, : size[0] // 4] = 235
    seen = pixels(encode_frame(grey_frame(luma, rotation=rotation), FINE).data)
    bright = {(r, c): seen[r, c].min() > 200 for r in (0, -1) for c in (0, -1)}
    assert bright == {corner: corner == (row, column) for corner in bright}


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (720, 1280)])
def test_mirrored_video_stays_mirrored(size: tuple[int, int]) -> None:
    """A front camera's picture is shown as it comes, in its own shape: its file is the mirror image of the other's."""
    luma = np.random.default_rng(1).integers(16, 236, (size[1], size[0]), dtype=np.uint8)
    target = replace(FINE, max_width=320, max_height=320, format="png")
    plain, mirrored = (shown(encode_frame(grey_frame(seen), target)) for seen in (luma, luma[:, ::-1]))
    assert np.abs(plain[:, ::-1] - mirrored).max() <= 2


@pytest.mark.parametrize(("width", "box"), [(640, 512), (640, 342), (640, 256), (640, 200), (640, 171), (3840, 1024)])
def test_fine_patterns_turn_grey_instead_of_into_false_ones(width: int, box: int) -> None:
    """Stripes finer than the result can show leave at worst no more contrast than OpenCV's area filter lets through."""
    target = replace(FINE, max_width=box, max_height=box, format="png")
    ours, reference = [], []
    for period in np.linspace(2, 2 * width / box * 0.95, 12):
        stripes = np.round(126 + 80 * np.sin(2 * np.pi * np.arange(width) / period + 0.3)).astype(np.uint8)
        luma = np.tile(stripes, (width // 16, 1))
        seen = shown(encode_frame(grey_frame(luma), target))[:, 4:-4, 0]
        ours.append(seen.std() * 219 / 255)
        reference.append(cv2.resize(luma, (box, box // 16), interpolation=cv2.INTER_AREA)[:, 4:-4].std())
    assert max(ours) <= max(reference) + 1


@pytest.mark.parametrize(
    ("kind", "resize"),
    [("jpeg", "scale_aspect_fit"), ("png", "scale_aspect_fit"), ("webp", "scale_aspect_fit"), ("png", "none")],
)
def test_noise_in_4k_fits_into_ten_thousand_bytes(kind: PictureFormat, resize: Resize) -> None:
    """The smallest limit holds for the worst frame, without giving up its shape or becoming a dot."""
    image = encode_frame(noise(3840, 2160), Target(1024, 1024, resize, kind, 75, 10_000))
    assert 1_000 < len(image.data) <= 10_000
    assert shown(image).shape[1] == pytest.approx(shown(image).shape[0] * 16 / 9, abs=2)
    assert image.width >= 48


def test_quality_is_given_up_before_size() -> None:
    """A little too large: the same picture, coarser."""
    free = encode_frame(noise(320, 240), FINE)
    image = encode_frame(noise(320, 240), replace(FINE, max_bytes=len(free.data) * 2 // 3))
    assert len(image.data) <= len(free.data) * 2 // 3
    assert (image.width, image.height) == (free.width, free.height)


@pytest.mark.parametrize("kind", FORMATS)
def test_limit_that_no_picture_can_meet_is_refused(kind: PictureFormat) -> None:
    """The message names the limit and what was reached; the settings allow no such limit."""
    with pytest.raises(ValueError, match=f"320x240 frame can't be encoded in 20 bytes: as {kind} of"):
        encode_frame(noise(320, 240), replace(FINE, format=kind, max_bytes=20))


def test_picture_beyond_its_format_is_refused() -> None:
    """WebP ends at 16,383 pixels: OpenCV's own error does not leave the encoder."""
    with pytest.raises(ValueError, match="can't be encoded as webp"):
        encode_frame(flat_frame(width=20_000, height=16), replace(FINE, resize="none", format="webp"))


@pytest.mark.parametrize("size", [0, 4607, 4609, 6144])
def test_buffer_of_a_wrong_size_is_refused(size: int) -> None:
    """A 64x48 frame has 4,608 bytes: anything else would be read askew."""
    frame = replace(flat_frame(width=64, height=48), i420=np.zeros(size, dtype=np.uint8))
    with pytest.raises(ValueError, match=f"64x48 frame has {size} bytes, expected 4608"):
        encode_frame(frame, FINE)


def test_image_tells_its_digest_and_carries_itself_as_a_data_url() -> None:
    """What is logged as evidence is what the provider gets."""
    image = encode_bgr(np.zeros((20, 30, 3), dtype=np.uint8), quality=75)
    assert (image.width, image.height) == (30, 20)
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    head, _, body = image.data_url.partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body) == image.data


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_lower_quality_makes_a_smaller_file(kind: PictureFormat) -> None:
    """The setting reaches the encoder."""
    coarse, fine = (encode_frame(noise(64, 64), replace(FINE, format=kind, quality=quality)) for quality in (20, 90))
    assert len(coarse.data) < len(fine.data)


def test_box_of_an_extreme_shape_raises_nothing() -> None:
    """A small frame covering a box that is hardly more than a line."""
    target = Target(64, 4096, "center_aspect_cover", "jpeg", 75, 100_000)
    image = encode_frame(flat_frame(width=16, height=16), target)
    assert min(image.width, image.height) >= 2
