"""What a file is, told by its first bytes and by nothing that its sender says of it."""

import math
from typing import Literal, get_args

Kind = Literal["JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_ANY_BRANDS = {b"mif1", b"msf1", b"miaf"}
"""An ISO media file with these as its major brand says in its compatible brands which pictures it holds."""
_HEAD = 10_000
"""Bytes of an ISO media file in which its pictures are announced, if there are not very many."""
_OTHERS = {
    b"%pdf": "a PDF",
    b"<svg": "an SVG",
    b"<!doctype html": "HTML",
    b"<html": "HTML",
    b"bm": "a BMP",
    b"ii*\0": "a TIFF",
    b"mm\0*": "a TIFF",
    b"pk\x03\x04": "a ZIP archive",
}


def kind_of(data: bytes) -> Kind | None:
    """The kind of picture that the bytes claim to be; `None` if it is none of those that are read."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return _iso_kind(data)


def described(data: bytes) -> str:
    """What a file that is no picture seems to be, in two words for its sender."""
    if not data:
        return "empty"
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for signature, name in _OTHERS.items():
        if start.startswith(signature):
            return name
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "an SVG"
    if data[4:8] == b"ftyp":
        return "a video"
    return "something else"


def largest_iso(data: bytes) -> tuple[int, int]:
    """Width and height of the largest picture that the head of an ISO media file (AVIF, HEIF) announces.

    Looks for the boxes `ispe` (ISO/IEC 23008-12), wherever they are nested.
    """
    sizes = [(0, 0)]
    at = -1
    while (at := data.find(b"ispe", at + 1, _HEAD)) >= 0:
        box = data[at + 8 : at + 16]
        sizes.append((int.from_bytes(box[:4], "big"), int.from_bytes(box[4:], "big")))
    return max(sizes, key=math.prod)


def _iso_kind(data: bytes) -> Kind | None:
    """Of an ISO base media file (ISO/IEC 14496-12): a box of type `ftyp` with a major and more compatible brands."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    if brands[0] not in _AVIF_BRANDS | _HEIF_BRANDS | _ANY_BRANDS:
        return None
    if brands[0] in _HEIF_BRANDS or (brands[0] in _ANY_BRANDS and not _AVIF_BRANDS.intersection(brands)):
        return "HEIF"
    return "AVIF"
