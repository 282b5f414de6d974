"""Pictures that somebody sent are judged by their content and made clean."""

import io
import random
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from agent.errors import UploadError
from agent.uploads.image import READ, Cleaned, clean
from agent.uploads.limits import Limits
from tests.corpus import BLACK, FOLDER, GREEN, RED, Colour
from tests.fakes import pixels

SIZES = [
    ((400, 300), (200, 200), (200, 150)),
    ((300, 400), (200, 200), (150, 200)),
    ((400, 300), (200, 50), (67, 50)),
    ((50, 40), (200, 200), (50, 40)),
    ((200, 200), (200, 200), (200, 200)),
    ((201, 200), (200, 200), (200, 199)),
    ((999, 10), (200, 200), (200, 2)),
    ((999, 1), (200, 200), (200, 1)),
    ((1, 1), (200, 200), (1, 1)),
]
WRITTEN = ["JPEG", "PNG", "WEBP", "GIF", "AVIF"]


def limits(width: int = 200, height: int = 200, **others: Any) -> Limits:
    """Small ones."""
    return Limits(**{
        "max_pixels": 1_000_000, "max_width": width, "max_height": height, "quality": 80, "max_bytes": 100_000, **others
    })  # fmt: skip


def refused(data: bytes, allowed: Limits) -> UploadError:
    """How it is refused."""
    with pytest.raises(UploadError) as caught:
        clean(data, allowed)
    return caught.value


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> Image.Image:
    """A picture that no encoder makes small."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def middle(made: Cleaned) -> Colour:
    """Its colour there."""
    red, green, blue = pixels(made.data)[made.height // 2, made.width // 2].tolist()
    return red, green, blue


@pytest.mark.parametrize(("size", "box", "expected"), SIZES)
@pytest.mark.parametrize("kind", WRITTEN)
def test_result_fits_the_box_and_is_never_enlarged(
    kind: str, size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    """In proportion, whatever the decoder skipped."""
    made = clean(file(Image.new("RGB", size, "red"), kind), limits(*box))
    assert (made.width, made.height) == expected
    assert pixels(made.data).shape[:2] == (expected[1], expected[0])
    assert np.abs(np.array(middle(made)) - RED).max() <= 24  # AVIF's colours of a very flat picture


def test_turned_picture_keeps_its_detail_in_a_narrow_box() -> None:
    """The decoder may skip only what the upright picture does not need."""
    exif = Image.Exif()
    exif[0x0112] = 6
    made = clean(file(Image.new("RGB", (800, 200)), "JPEG", exif=exif), limits(100, 800))
    assert (made.width, made.height) == (100, 400)


@pytest.mark.parametrize("kind", WRITTEN)
def test_pixel_limit_itself_is_allowed_and_one_column_more_is_not(kind: str) -> None:
    """A million of a million."""
    assert clean(file(Image.new("L", (1000, 1000)), kind), limits()).width == 200
    error = refused(file(Image.new("L", (1001, 1000)), kind), limits())
    assert error.code == "too_many_pixels"
    assert "1001x1000" in str(error)
    assert "1,000,000" in str(error)


@pytest.mark.parametrize("kind", WRITTEN)
def test_more_than_twice_the_pixel_limit_is_told_with_the_limit(kind: str) -> None:
    """Pillow itself refuses these, and its limit is set to ours."""
    error = refused(file(Image.new("L", (1001, 1000)), kind), limits(max_pixels=500_000))
    assert error.code == "too_many_pixels"
    assert "500,000" in str(error)


def test_large_limit_is_not_undercut_by_pillow() -> None:
    """Pillow's own guard stands at 179 million pixels; the setting allows 400."""
    data = (FOLDER / "jpg_60000x60000.jpg").read_bytes().replace(b"\xea\x60\xea\x60", b"\x36\xb0\x36\xb0")
    assert refused(data, limits(max_pixels=195_999_999)).code == "too_many_pixels"
    made = clean(
        data, limits(max_pixels=196_000_000)
    )  # there is one block, not 14000x14000 pixels: the rest is filled in
    assert made.width == made.height


def test_pillows_limit_is_as_before_afterwards() -> None:
    """It is a global one."""
    before = Image.MAX_IMAGE_PIXELS
    clean((FOLDER / "good.png").read_bytes(), limits())
    refused((FOLDER / "png_60000x60000.png").read_bytes(), limits())
    assert before == Image.MAX_IMAGE_PIXELS


def test_result_is_made_as_small_as_the_limit_for_bytes() -> None:
    """By coarser pictures first, then by smaller ones."""
    data = file(noise(200, 200), "PNG")
    large = clean(data, limits())
    coarse = clean(data, limits(max_bytes=len(large.data) - 1))
    small = clean(data, limits(max_bytes=4_000))
    assert len(coarse.data) < len(large.data)
    assert (coarse.width, coarse.height) == (large.width, large.height) == (200, 200)
    assert len(small.data) <= 4_000
    assert small.width == small.height
    assert 32 <= small.width < 200
    assert pixels(small.data).shape[:2] == (small.height, small.width)


def test_result_that_can_not_become_small_enough_is_too_complex() -> None:
    """No JPEG has 300 bytes."""
    assert refused(file(noise(200, 200), "PNG"), limits(max_bytes=300)).code == "too_complex"


def test_quality_is_heeded() -> None:
    """It is what the setting says."""
    data = file(noise(100, 100), "PNG")
    sizes = [len(clean(data, limits(quality=quality)).data) for quality in (20, 50, 90)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2]


def test_wide_colours_become_those_of_srgb() -> None:
    """As the colour management itself converts them."""
    data = (FOLDER / "profile_display_p3_skin.png").read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        plain = image.convert("RGB").getpixel((0, 0))
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    expected = np.array(converted.getpixel((0, 0)))
    assert np.abs(expected - np.array(plain)).max() >= 10
    assert np.abs(np.array(middle(clean(data, limits()))) - expected).max() <= 3


def test_cut_profile_is_ignored_wherever_it_was_cut() -> None:
    """The picture is there all the same."""
    with Image.open(FOLDER / "profile_swapped.png") as image:
        whole = image.info["icc_profile"]
    seen = set()
    for size in range(1, len(whole) + 1, 7):
        made = clean(file(Image.new("RGB", (8, 8), "red"), "PNG", icc_profile=whole[:size]), limits())
        seen.add(tuple(np.array(middle(made)) > 128))
    assert seen <= {(True, False, False), (False, True, False)}
    full = clean(file(Image.new("RGB", (8, 8), "red"), "PNG", icc_profile=whole), limits())
    assert np.abs(np.array(middle(full)) - GREEN).max() <= 8


def test_png_text_can_not_pass_for_something_else() -> None:
    """Pillow keeps the words of a PNG where it keeps what it knows of the picture."""
    data = (FOLDER / "text.png").read_bytes()
    at = data.index(b"IDAT") - 4
    outcomes = set()
    for key in (b"transparency", b"icc_profile", b"exif", b"bbox", b"interlace", b"duration", b"xmp", b"gamma"):
        chunk = b"tEXt" + key + b"\0x"
        packed = (len(chunk) - 4).to_bytes(4, "big") + chunk
        made = data[:at] + packed + zlib.crc32(chunk).to_bytes(4, "big") + data[at:]
        try:
            outcomes.add(tuple(np.array(middle(clean(made, limits()))) > 128))
        except UploadError as error:
            outcomes.add((error.code,))
    assert outcomes <= {(True, False, False), ("damaged",)}


@pytest.mark.parametrize("name", ["16_bit_black", "png_black"])
def test_black_stays_black(name: str) -> None:
    """A picture whose pixels are all zero is as good as any."""
    assert middle(clean((FOLDER / f"{name}.png").read_bytes(), limits())) == BLACK


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
    """Two thousand random mutations of every kind: each is accepted clean or refused by code."""
    names = [
        *("good.jpg", "good.png", "good.webp", "good.gif", "good.avif", "lossless.webp", "progressive.jpg", "cmyk.jpg"),
        *("gps_in_exif.jpg", "gps_in_exif.png", "gps_in_exif.webp", "two_pictures.jpg", "interlaced.png"),
        *("palette_with_transparency.png", "palette_with_transparency.gif", "profile_swapped.jpg", "animated.png"),
        *("animated.webp", "animated.gif", "animated.avif", "orientation_6.avif", "jpg_cut_and_ended.jpg"),
        *(("good.heic", "orientation_6.heic") if "HEIF" in READ else ()),
    ]
    seeds = [(FOLDER / name).read_bytes() for name in names]
    mutated = mutations(seed=20)
    outcomes: set[str] = set()
    for number in range(2000):
        try:
            made = clean(mutated(seeds[number % len(seeds)]), limits())
        except UploadError as error:
            outcomes.add(error.code)
        else:
            outcomes.add("accepted")
            assert max(made.width, made.height) <= 200
            assert pixels(made.data).shape[:2] == (made.height, made.width)
    assert outcomes == {"accepted", "damaged", "too_many_pixels", "unsupported_type"}
