"""What a file is stands in its first bytes."""

import struct
from typing import get_args

import pytest
from PIL import features

from agent.uploads.image import READ
from agent.uploads.kind import KINDS, Kind, described, kind_of, largest_iso
from tests.corpus import FOLDER, OUTCOMES, UNREAD, Accepted


def ftyp(*brands: bytes) -> bytes:
    """The first box of an ISO media file: its major brand, and those that it is compatible with."""
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body


@pytest.mark.parametrize(("name", "outcome"), [(k, v) for k, v in OUTCOMES.items() if isinstance(v, Accepted)])
def test_kind_is_told_by_the_first_bytes(name: str, outcome: Accepted) -> None:
    """Whatever the file is called."""
    assert kind_of((FOLDER / name).read_bytes()[:256]) == outcome.kind


@pytest.mark.parametrize("name", [k for k, v in OUTCOMES.items() if v == "unsupported_type" and k not in UNREAD])
def test_what_is_no_picture_has_no_kind(name: str) -> None:
    """So it never reaches a reader."""
    assert kind_of((FOLDER / name).read_bytes()) is None


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        pytest.param([b"avif"], "AVIF", id="avif"),
        pytest.param([b"avis", b"msf1"], "AVIF", id="avif sequence"),
        pytest.param([b"heic", b"mif1"], "HEIF", id="heic"),
        pytest.param([b"heic", b"mif1", b"avif"], "HEIF", id="heic that names avif"),
        pytest.param([b"mif1", b"heic"], "HEIF", id="any, heic"),
        pytest.param([b"mif1", b"miaf", b"avif"], "AVIF", id="any, avif"),
        pytest.param([b"mif1"], "HEIF", id="any, and no more said"),
        pytest.param([b"isom", b"heic"], None, id="video that names heic"),
        pytest.param([b"qt  "], None, id="quicktime"),
        pytest.param([b"crx "], None, id="raw of a camera"),
    ],
)
def test_brands_tell_which_iso_file_it_is(brands: list[bytes], kind: Kind | None) -> None:
    """The major one does, or if it says only `a picture`, the others."""
    assert kind_of(ftyp(*brands)) == kind


def test_brand_after_the_first_box_does_not_count() -> None:
    """What stands in another box is no brand."""
    assert kind_of(ftyp(b"mif1", b"heic") + b"avif") == "HEIF"


@pytest.mark.parametrize("size", [0, 1, 2**32 - 1])
def test_size_of_the_first_box_may_be_a_lie(size: int) -> None:
    """It is not followed far."""
    assert kind_of(struct.pack(">I", size) + ftyp(b"mif1", b"heic")[4:]) == "HEIF"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf  <svg/>", "an SVG"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg/>', "an SVG"),
        (b"<?xml version='1.0'?><note/>", "something else"),
        (b"<!DOCTYPE HTML>", "HTML"),
        (b"\n<html>", "HTML"),
        (b"%PDF-1.7", "a PDF"),
        (b"BM\0\0", "a BMP"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
        (b"PK\3\4", "a ZIP archive"),
        (ftyp(b"isom"), "a video"),
        (b"just words", "something else"),
    ],
)
def test_description_names_what_it_is_instead(data: bytes, named: str) -> None:
    """The sender learns what to do about it."""
    assert described(data) == named


def test_largest_size_in_an_iso_file_is_found() -> None:
    """A file has a size for each of its pictures, a thumbnail's too."""
    small, large, cut = (b"ispe\0\0\0\0" + struct.pack(">II", *size) for size in ((160, 120), (4000, 3000), (9, 9)))
    assert largest_iso(small + large + small) == (4000, 3000)
    assert largest_iso(large + b"\0" * 20_000 + b"ispe\0\0\0\0" + b"\xff" * 8) == (4000, 3000)
    assert largest_iso(cut[:9]) == (0, 0)
    assert largest_iso(b"") == (0, 0)


def test_the_readers_are_built_in() -> None:
    """A Pillow without them would refuse what is promised."""
    assert set(get_args(Kind)) == set(KINDS)
    assert set(KINDS) - set(READ) <= {"HEIF"}
    assert all(features.check(name) for name in ("jpg", "zlib", "webp", "avif", "littlecms2"))
