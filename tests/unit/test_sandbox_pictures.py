"""Pictures are checked as a provider checks them, and named colours are the right ones."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sandbox.control.entries import SeenImage, SeenMessage
from sandbox.llm.colours import brightness, main_colours
from sandbox.llm.pictures import InvalidImage, Pictures
from sandbox.llm.tokens import PromptCache, image_tokens


def encoded(kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    """A small picture."""
    file = io.BytesIO()
    noise = np.random.default_rng(2).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(file, kind)
    return file.getvalue()


def url(data: bytes, mime: str = "image/jpeg") -> str:
    """A data URL."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_whole_pictures_pass(kind: str) -> None:
    """Size, hash and type are told; the second look costs no decoding and says the same."""
    pictures = Pictures()
    data = encoded(kind)
    first = pictures.check(url(data, f"image/{kind.lower()}"), "low")
    assert first == pictures.check(url(data, f"image/{kind.lower()}"), "low")
    assert first.data == data
    assert (first.seen.width, first.seen.height, first.seen.bytes) == (64, 48, len(data))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("https://example.com/a.png", "fetches nothing"),
        ("hello", "Expected a base64 data URL"),
        ("data:image/jpeg;base64,####", "not valid base64"),
        (url(b"", "image/jpeg"), "cannot be decoded"),
        (url(b"GIF89a not really", "image/gif"), "cannot be decoded"),
        (url(encoded()[:700]), "cannot be decoded"),
        (url(encoded("PNG")[:2_000], "image/png"), "cannot be decoded"),
        (url(encoded("PNG"), "image/jpeg"), "sent as image/jpeg, but its bytes are PNG"),
        (url(encoded(), "image/bmp"), "supported are image/jpeg"),
        (url(b"<svg/>", "image/svg+xml"), "supported are image/jpeg"),
    ],
)
def test_bad_pictures_are_refused(bad: str, message: str) -> None:
    """The sentence says what is wrong."""
    with pytest.raises(InvalidImage, match=message):
        Pictures().check(bad, "")


def test_a_bomb_is_refused_by_its_header() -> None:
    """No memory is spent on pixels that nobody wants."""
    file = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(file, "PNG")
    with pytest.raises(InvalidImage, match="9000 x 9000 pixels"):
        Pictures().check(url(file.getvalue(), "image/png"), "")


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((220, 20, 20), "red"),
        ((250, 150, 30), "orange"),
        ((110, 65, 20), "brown"),
        ((240, 220, 30), "yellow"),
        ((20, 160, 40), "green"),
        ((20, 60, 200), "blue"),
        ((120, 30, 190), "purple"),
        ((250, 80, 190), "pink"),
        ((255, 255, 255), "white"),
        ((128, 128, 128), "grey"),
        ((5, 5, 5), "black"),
    ],
)
def test_plain_colours_have_plain_names(rgb: tuple[int, int, int], name: str) -> None:
    """One colour, one name."""
    assert main_colours(np.full((40, 60, 3), rgb, np.uint8)) == (name,)


def test_colours_come_by_area() -> None:
    """The larger area first, specks not at all."""
    picture = np.full((100, 100, 3), (20, 60, 200), np.uint8)
    picture[:, :30] = 255
    picture[:5, :5] = (220, 20, 20)
    assert main_colours(picture) == ("blue", "white")
    assert 60 < brightness(picture) < 150


@pytest.mark.parametrize(
    ("width", "height", "detail", "tokens"),
    [(1024, 1024, "low", 85), (1024, 1024, "high", 765), (2048, 4096, "high", 1105), (512, 288, "auto", 255)],
)
def test_images_cost_what_the_price_list_says(width: int, height: int, detail: str, tokens: int) -> None:
    """The published rule of 512 px tiles."""
    assert image_tokens(SeenImage("", 1, width, height, "image/jpeg", detail)) == tokens


def test_a_repeated_beginning_is_cached() -> None:
    """Long enough prefixes save tokens, in steps; a changed beginning saves none."""
    cache = PromptCache()
    start = [SeenMessage("system", "x" * 8_000, sha256="x"), SeenMessage("user", "Hello", sha256="hello")]
    total, cached = cache.count(start)
    assert (total, cached) == (2_010, 0)
    assert cache.count([*start, SeenMessage("user", "More", sha256="more")])[1] == 1_920
    assert cache.count([SeenMessage("system", "y" * 8_000, sha256="y"), *start])[1] == 0
