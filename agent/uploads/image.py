"""Checking an uploaded picture by its content, and making a clean JPEG of it."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from agent.errors import UploadError
from agent.vision.encode import Jpeg, encode_bgr, fit

ALLOWED = ("JPEG", "PNG", "WEBP")
_QUALITY = 85
"""Uploads are looked at closely (a document, a label): a little finer than a camera view."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A verified upload.

    Attributes:
        jpeg: Upright, fitted, without any of the sender's metadata.
        format: What the file really was: `JPEG`, `PNG` or `WEBP`.
    """

    jpeg: Jpeg
    format: str


def clean(data: bytes, *, max_pixels: int, max_width: int, max_height: int) -> Picture:
    """Decode the whole file and encode it anew. Blocking: up to a second for a very large picture.

    The type is told by the content alone, the pixel limit by the header, before anything is decoded.

    Raises:
        UploadError: `unsupported_type`, `too_many_pixels` or `damaged`.
    """
    try:
        # Pillow's own limit is a warning; ours is exact and comes first.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=ALLOWED) as opened:
            _check_pixels(opened.width, opened.height, max_pixels)
            format_name = str(opened.format)
            # draft() lets the JPEG decoder skip detail that the fitted size would throw away.
            opened.draft("RGB", fit(opened.width, opened.height, max_width, max_height))
            upright = ImageOps.exif_transpose(opened)
            flat = _flattened(upright)
    except UnidentifiedImageError:
        raise UploadError(
            "unsupported_type", f"The file is {_described(data)}, not a JPEG, PNG or WebP picture."
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, MemoryError) as error:
        # Pillow's readers raise all of these on broken files.
        raise UploadError("damaged", "The picture is damaged or incomplete and can't be read.") from error
    size = fit(flat.width, flat.height, max_width, max_height)
    if size != flat.size:
        flat = flat.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    rgb = np.asarray(flat)
    return Picture(encode_bgr(np.ascontiguousarray(rgb[:, :, ::-1]), quality=_QUALITY), format_name)


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise UploadError(
            "too_many_pixels", f"The picture has {width}x{height} pixels ({width * height:,}), at most {max_pixels:,}."
        )


def _flattened(image: Image.Image) -> Image.Image:
    """RGB on white: transparency has no colour of its own, and JPEG no transparency."""
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        ground = Image.new("RGBA", with_alpha.size, "white")
        return Image.alpha_composite(ground, with_alpha).convert("RGB")
    if image.mode.startswith("I;16"):
        # 16 bit grey: keep the upper byte; a plain conversion would clip everything to white.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def _described(data: bytes) -> str:
    if not data:
        return "empty"
    known = {b"GIF8": "a GIF", b"%PDF": "a PDF", b"<svg": "an SVG", b"<!DO": "HTML", b"<htm": "HTML", b"BM": "a BMP"}
    for signature, name in known.items():
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    return "something else"
