"""Uploads are judged by their content and made clean."""

import io
import random
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from agent.errors import UploadError
from agent.uploads.image import Picture, clean
from tests.fakes import pixels

LIMITS = {"max_pixels": 1_000_000, "max_width": 200, "max_height": 200}
GPS = 0x8825
ORIENTATION = 0x0112


def checked(data: bytes) -> Picture:
    """As an upload is checked, with small limits."""
    return clean(data, **LIMITS)


def refused(data: bytes) -> str:
    """The code with which it is refused."""
    with pytest.raises(UploadError) as caught:
        checked(data)
    assert str(caught.value).endswith(".")
    return caught.value.code


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def marked(width: int = 96, height: int = 64) -> Image.Image:
    """Red, with a blue marker in the top left corner."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width // 3, height // 3))
    return image


def corners(picture: Picture) -> str:
    """The colours at top left, top right, bottom left and bottom right, by their first letters."""
    seen = pixels(picture.image.data)
    at = [seen[4, 4], seen[4, -5], seen[-5, 4], seen[-5, -5]]
    return "".join("rgb"[int(np.argmax(pixel))] for pixel in at)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with right checksums."""
    made = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        made += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return made


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    """A PNG's IHDR chunk."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


def jpeg_of_size(width: int, height: int) -> bytes:
    """A tiny JPEG whose header claims another size."""
    data = file(Image.new("RGB", (8, 8)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp_of_size(width: int, height: int) -> bytes:
    """A tiny WebP whose extended header claims another canvas."""
    data = bytearray(file(Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "WEBP", exif=b"Exif\0\0"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_allowed_types_are_told_by_content(kind: str) -> None:
    """There is no name to be believed: the bytes are all there is."""
    picture = checked(file(marked(), kind))
    assert picture.format == kind
    assert corners(picture) == "brrr"
    assert picture.image.data.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(file(marked(), "GIF"), id="gif"),
        pytest.param(file(marked(), "BMP"), id="bmp"),
        pytest.param(file(marked(), "TIFF"), id="tiff"),
        pytest.param(file(marked(), "ICO"), id="ico"),
        pytest.param(b"just words, no picture at all", id="text"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', id="svg"),
        pytest.param(b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', id="svg with a prolog"),
        pytest.param(b"\n<!doctype html><script>alert(1)</script>", id="html"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", id="pdf"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", id="postscript"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0", id="heic"),
        pytest.param(b"PK\x03\x04", id="zip"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(b"", id="empty"),
    ],
)
def test_other_types_are_refused(data: bytes) -> None:
    """What is not a JPEG, PNG or WebP never reaches a decoder."""
    assert refused(data) == "unsupported_type"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (file(marked(), "GIF"), "a GIF"),
        (b"\xef\xbb\xbf  <svg/>", "an SVG"),
        (b"<!DOCTYPE HTML>", "HTML"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"", "empty"),
    ],
)
def test_refusal_names_what_the_file_is(data: bytes, named: str) -> None:
    """The sender learns what to do about it."""
    with pytest.raises(UploadError, match=named):
        checked(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_every_exif_orientation_ends_upright(orientation: int, kind: str) -> None:
    """A phone stores the sensor's picture and says how to turn it."""
    stored = {
        1: marked(),
        2: marked().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: marked().transpose(Image.Transpose.ROTATE_180),
        4: marked().transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: marked().transpose(Image.Transpose.TRANSPOSE),
        6: marked().transpose(Image.Transpose.ROTATE_90),
        7: marked().transpose(Image.Transpose.TRANSVERSE),
        8: marked().transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture = checked(file(stored, kind, exif=exif))
    assert corners(picture) == "brrr"
    assert (picture.image.width, picture.image.height) == (96, 64)


def test_unknown_orientation_is_ignored() -> None:
    """Only eight exist."""
    exif = Image.Exif()
    exif[ORIENTATION] = 77
    assert corners(checked(file(marked(), "JPEG", exif=exif))) == "brrr"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_of_the_senders_metadata_is_left(kind: str) -> None:
    """Where a picture was taken, and by whom, is nobody's business."""
    exif = Image.Exif()
    exif[0x010E] = "at home with the family"
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    original = file(marked(), kind, exif=exif, icc_profile=b"an icc profile")
    assert b"at home" in original
    data = checked(original).image.data
    with Image.open(io.BytesIO(data)) as image:
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"at home" not in data
    assert b"Exif" not in data


def test_what_hides_behind_the_picture_is_gone() -> None:
    """A file that is a picture and a web page at once leaves as a picture."""
    data = checked(file(marked(), "JPEG") + b"<script>alert(1)</script>").image.data
    assert b"script" not in data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_truncated_file_is_refused_as_damaged(kind: str, share: float) -> None:
    """Half a picture is not sent on with a grey half."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = file(Image.fromarray(noise), kind)
    assert refused(data[: int(len(data) * share)]) == "damaged"


def test_truncated_file_does_not_become_acceptable_by_padding() -> None:
    """The right length is no proof."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = file(Image.fromarray(noise), "PNG")
    assert refused(data[: len(data) // 2].ljust(len(data), b"\0")) == "damaged"


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_picture_without_pixels_is_refused_as_damaged(size: tuple[int, int]) -> None:
    """An edge of zero divides nothing."""
    assert refused(png(header(*size), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))) == "damaged"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(header(60_000, 60_000), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")), id="png"),
        pytest.param(jpeg_of_size(60_000, 60_000), id="jpeg"),
        pytest.param(webp_of_size(16_000, 16_000), id="webp"),
        pytest.param(jpeg_of_size(1001, 1000), id="just over"),
        pytest.param(png(header(2**31 - 1, 2**31 - 1), (b"IDAT", b""), (b"IEND", b"")), id="overflowing"),
    ],
)
def test_header_bomb_is_refused_without_decoding(data: bytes) -> None:
    """The header's claim is enough: there are no pixels behind it, so decoding would have said `damaged`."""
    started = time.perf_counter()
    assert refused(data) == "too_many_pixels"
    assert time.perf_counter() - started < 0.5


def test_limit_itself_is_allowed() -> None:
    """A million of a million pixels."""
    assert checked(file(Image.new("L", (1000, 1000)), "PNG")).image.width == 200


def test_large_limit_is_not_undercut_by_pillow() -> None:
    """Pillow's own guard stands at 179 million pixels; the setting allows 400."""
    picture = clean(jpeg_of_size(19_000, 19_000), max_pixels=400_000_000, max_width=200, max_height=200)
    assert picture.image.width == 200


def one_colour(mode: str, colour: object) -> Image.Image:
    """A picture of one colour, in the mode's own terms."""
    return Image.new(mode, (64, 48), colour)  # type: ignore[arg-type]


def palette_with_transparency() -> bytes:
    """A red palette picture whose left half is transparent."""
    image = Image.new("P", (64, 48), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(0, (0, 0, 32, 48))
    return file(image, "PNG", transparency=0)


def deep_grey(level: int) -> bytes:
    """16 bit grey of one level."""
    return file(Image.fromarray(np.full((48, 64), level, dtype=np.uint16)), "PNG")


def transparent_deep_grey() -> bytes:
    """16 bit grey whose level 0 is transparent."""
    rows = b"".join(b"\0" + b"\0\0" * 32 + b"\x80\0" * 32 for _ in range(48))
    return png(header(64, 48, 16, 0), (b"tRNS", b"\0\0"), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def animated(kind: str) -> bytes:
    """Green first, then red."""
    return file(one_colour("RGB", "lime"), kind, save_all=True, append_images=[one_colour("RGB", "red")], duration=100)


@pytest.mark.parametrize(
    ("data", "left", "right"),
    [
        pytest.param(file(one_colour("CMYK", (0, 255, 255, 0)), "JPEG"), (254, 0, 0), (254, 0, 0), id="cmyk"),
        pytest.param(palette_with_transparency(), (255, 255, 255), (255, 0, 0), id="palette with transparency"),
        pytest.param(deep_grey(0), (0, 0, 0), (0, 0, 0), id="16 bit black"),
        pytest.param(deep_grey(0x8000), (128, 128, 128), (128, 128, 128), id="16 bit grey"),
        pytest.param(deep_grey(0xFFFF), (255, 255, 255), (255, 255, 255), id="16 bit white"),
        pytest.param(transparent_deep_grey(), None, (128, 128, 128), id="16 bit grey with transparency"),
        pytest.param(file(one_colour("1", 1), "PNG"), (255, 255, 255), (255, 255, 255), id="one bit"),
        pytest.param(file(one_colour("LA", (0, 0)), "PNG"), (255, 255, 255), (255, 255, 255), id="clear grey"),
        pytest.param(
            file(one_colour("RGBA", (0, 0, 255, 128)), "PNG"), (127, 127, 255), (127, 127, 255), id="half clear"
        ),
        pytest.param(animated("WEBP"), (0, 255, 0), (0, 255, 0), id="animated webp"),
        pytest.param(animated("PNG"), (0, 255, 0), (0, 255, 0), id="apng"),
        pytest.param(
            file(one_colour("RGB", (200, 100, 50)), "JPEG", progressive=True),
            (200, 100, 50),
            (200, 100, 50),
            id="progressive",
        ),
        pytest.param(file(one_colour("L", 90), "JPEG"), (90, 90, 90), (90, 90, 90), id="grey jpeg"),
    ],
)
def test_unusual_picture_is_accepted_with_its_colours(
    data: bytes, left: tuple[int, int, int] | None, right: tuple[int, int, int]
) -> None:
    """First frame, white behind what is transparent, full range of deep grey."""
    seen = pixels(checked(data).image.data)
    assert np.abs(seen[24, 60] - right).max() <= 6
    if left is not None:
        assert np.abs(seen[24, 4] - left).max() <= 6


def test_phone_picture_with_a_second_one_inside_is_a_jpeg() -> None:
    """MPO is what some phones call their JPEGs."""
    data = file(marked(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64), "lime")])
    picture = checked(data)
    assert picture.format == "JPEG"
    assert corners(picture) == "brrr"


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((400, 300), (200, 200), (200, 150)),
        ((300, 400), (200, 200), (150, 200)),
        ((50, 40), (200, 200), (50, 40)),
        ((200, 200), (200, 200), (200, 200)),
        ((999, 10), (200, 200), (200, 2)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_result_fits_the_box_and_is_never_enlarged(
    kind: str, size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    """In proportion, whatever the decoder skipped."""
    data = file(Image.new("RGB", size), kind)
    jpeg = clean(data, max_pixels=10**6, max_width=box[0], max_height=box[1]).image
    assert (jpeg.width, jpeg.height) == expected
    assert pixels(jpeg.data).shape[:2] == (expected[1], expected[0])


def test_turned_picture_keeps_its_detail_in_a_narrow_box() -> None:
    """The decoder may skip only what the upright picture does not need."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = file(Image.new("RGB", (800, 200)), "JPEG", exif=exif)
    jpeg = clean(data, max_pixels=10**6, max_width=100, max_height=800).image
    assert (jpeg.width, jpeg.height) == (100, 400)


def mutations(seed: int) -> Callable[[bytes], bytes]:
    """A source of broken files: bytes flipped, zeroed, cut out, doubled or cut off, mostly near the header."""
    dice = random.Random(seed)

    def mutated(data: bytes) -> bytes:
        made = bytearray(data)
        for _ in range(dice.choice([1, 1, 2, 4, 16])):
            at = dice.randrange(min(len(made), dice.choice([64, 512, len(made)])))
            kind = dice.randrange(5)
            if kind == 0:
                made[at] = dice.randrange(256)
            elif kind == 1:
                made[at : at + 4] = dice.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
            elif kind == 2:
                del made[at : at + dice.randrange(1, 9)]
            elif kind == 3:
                made[at:at] = made[at : at + 8]
            elif len(made) > 64:
                del made[max(64, at) :]
        return bytes(made)

    return mutated


def test_broken_file_never_raises_anything_but_an_upload_error() -> None:
    """Some thousand random mutations of every kind: each is accepted clean or refused by code."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
    small = marked(24, 16)
    seeds = [
        file(small, "JPEG", exif=exif, quality=50),
        file(small, "JPEG", progressive=True),
        file(small, "MPO", save_all=True, append_images=[small]),
        file(small, "PNG", exif=exif, icc_profile=b"profile"),
        file(small.convert("P"), "PNG", transparency=0),
        file(small, "PNG", save_all=True, append_images=[small.rotate(90)], duration=100),
        file(small, "WEBP", exif=exif),
        file(small, "WEBP", lossless=True),
        file(small, "WEBP", save_all=True, append_images=[small.rotate(90)], duration=100),
    ]
    mutated = mutations(seed=20)
    outcomes: set[str] = set()
    tries, until = 0, time.perf_counter() + 1.0
    while time.perf_counter() < until:
        data = mutated(seeds[tries % len(seeds)])
        tries += 1
        try:
            picture = checked(data)
        except UploadError as error:
            outcomes.add(error.code)
        else:
            outcomes.add("accepted")
            assert max(picture.image.width, picture.image.height) <= 200
    assert tries > 200
    assert outcomes == {"accepted", "damaged", "too_many_pixels", "unsupported_type"}


def test_the_decoders_are_built_in() -> None:
    """A Pillow without WebP would refuse what the page promises."""
    assert features.check("jpg")
    assert features.check("zlib")
    assert features.check("webp")
