"""Checking an uploaded picture by its content, and making a clean JPEG of it."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from agent.errors import UploadError
from agent.vision.encode import EncodedImage, encode_bgr
from agent.vision.fit import fit

ALLOWED = ("JPEG", "PNG", "WEBP")
_DAMAGED = "The picture is damaged or incomplete and can't be read."
_QUALITY = 85
"""Uploads are looked at closely (a document, a label): a little finer than a camera view."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A verified upload.

    Attributes:
        image: Upright, fitted, without any of the sender's metadata.
        format: What the file really was: `JPEG`, `PNG` or `WEBP`.
    """

    image: EncodedImage
    format: str


def clean(data: bytes, *, max_pixels: int, max_width: int, max_height: int) -> Picture:
    """Decode the whole file and encode it anew. Blocking: up to a second for a very large picture.

    The type is told by the content alone, the pixel limit by the header, before anything is decoded.

    Raises:
        UploadError: `unsupported_type`, `too_many_pixels` or `damaged`.
    """
    try:
        return _cleaned(data, max_pixels=max_pixels, max_width=max_width, max_height=max_height)
    except UploadError:
        raise
    except Image.DecompressionBombError:
        # Raised while the file is opened, before the readers that allocate by the header do so.
        raise UploadError(
            "too_many_pixels", f"The picture has over {2 * max_pixels:,} pixels, at most {max_pixels:,}."
        ) from None
    except UnidentifiedImageError:
        if _claims_allowed_type(data):
            raise UploadError("damaged", _DAMAGED) from None
        raise UploadError(
            "unsupported_type", f"The file is {_described(data)}, not a JPEG, PNG or WebP picture."
        ) from None
    except Exception as error:
        # What readers of hostile bytes raise changes with their version; the sender is told one thing in any case.
        raise UploadError("damaged", _DAMAGED) from error


def _cleaned(data: bytes, *, max_pixels: int, max_width: int, max_height: int) -> Picture:
    with _pillow_limit(max_pixels), Image.open(io.BytesIO(data), formats=ALLOWED) as opened:
        _check_pixels(opened.width, opened.height, max_pixels)
        # A phone's JPEG with a second picture inside is read as MPO.
        format_name = "JPEG" if opened.format == "MPO" else str(opened.format)
        # draft() lets the JPEG decoder skip detail that the fitted size would throw away. A picture that is stored on
        # its side is fitted after it was turned, so the box for the draft is square.
        longest = max(max_width, max_height)
        opened.draft("RGB", fit(opened.width, opened.height, longest, longest))
        flat = _flattened(ImageOps.exif_transpose(opened))
    size = fit(flat.width, flat.height, max_width, max_height)
    if size != flat.size:
        flat = flat.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    rgb = np.asarray(flat)
    return Picture(encode_bgr(np.ascontiguousarray(rgb[:, :, ::-1]), quality=_QUALITY), format_name)


@contextmanager
def _pillow_limit(max_pixels: int) -> Iterator[None]:
    """Pillow warns above its own limit (ours is exact) and refuses from twice as many pixels on.

    Both are the process's, not the thread's: nothing else in a job process reads pictures with Pillow.
    """
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise UploadError(
            "too_many_pixels", f"The picture has {width}x{height} pixels ({width * height:,}), at most {max_pixels:,}."
        )


def _flattened(image: Image.Image) -> Image.Image:
    """RGB on white: transparency has no colour of its own, and JPEG no transparency."""
    if image.mode.startswith("I;16"):
        # 16 bit grey: keep the upper byte; a plain conversion would clip everything to white, and one level of it may
        # be named transparent, which no conversion knows how to honour.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        ground = Image.new("RGBA", with_alpha.size, "white")
        return Image.alpha_composite(ground, with_alpha).convert("RGB")
    return image.convert("RGB")


def _described(data: bytes) -> str:
    if not data:
        return "empty"
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    known = {
        b"gif8": "a GIF",
        b"%pdf": "a PDF",
        b"<svg": "an SVG",
        b"<!doctype html": "HTML",
        b"<html": "HTML",
        b"bm": "a BMP",
    }
    for signature, name in known.items():
        if start.startswith(signature):
            return name
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "an SVG"
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    return "something else"


def _claims_allowed_type(data: bytes) -> bool:
    jpeg, png = data.startswith(b"\xff\xd8\xff"), data.startswith(b"\x89PNG\r\n\x1a\n")
    return jpeg or png or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")
