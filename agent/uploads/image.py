"""Checking a picture that somebody sent, and making a clean JPEG of it.

Runs in the decoder's process (`agent.uploads.decoder_main`), which has limits of time and memory: what hostile bytes do
to a reader ends there.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from PIL import AvifImagePlugin, Image, ImageCms, MpoImagePlugin, UnidentifiedImageError, WebPImagePlugin

from agent.errors import UploadError
from agent.uploads.kind import KINDS, Kind, described, kind_of, largest_iso
from agent.uploads.limits import Limits
from agent.vision.scale import Step, fit, smaller

READ: tuple[Kind, ...] = KINDS
try:
    import pi_heif
except ImportError:  # an extra: see README
    READ = tuple(kind for kind in KINDS if kind != "HEIF")
else:
    pi_heif.register_heif_opener(thumbnails=False, decode_threads=1)

# Pillow imports most readers when they are first wanted; the decoder can open no file by then.
Image.preinit()
_LOADED = (AvifImagePlugin, MpoImagePlugin, WebPImagePlugin)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_DAMAGED = "The picture is damaged or incomplete and can't be read."
_NEARLY = 0.9
"""A picture that comes so near to its box by itself is not resized, which takes longer than all else."""
_SRGB = ImageCms.createProfile("sRGB")
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation; Pillow turns against the clock."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A verified picture.

    Attributes:
        data: A JPEG: upright, fitted, in sRGB, without any of the sender's metadata.
        width: Pixels.
        height: Pixels.
        kind: What the file really was.
    """

    data: bytes
    width: int
    height: int
    kind: Kind


def clean(data: bytes, limits: Limits) -> Cleaned:
    """Decode the whole file (of several pictures the first) and encode it anew. Blocking, as long as it takes.

    The type is told by the content alone, the pixel limit by the header, before anything is decoded.

    Raises:
        UploadError: `unsupported_type`, `too_many_pixels`, `too_complex` (it wants more memory than there is) or
            `damaged`.
    """
    kind = kind_of(data)
    if kind not in READ:
        found = "a HEIC picture" if kind == "HEIF" else described(data)
        raise UploadError("unsupported_type", f"The file is {found}, not one of {', '.join(READ)}.")
    try:
        return _cleaned(data, kind, limits)
    except UploadError:
        raise
    except Image.DecompressionBombError:
        # Raised while the file is opened, before the readers that allocate by the header do so.
        raise UploadError(
            "too_many_pixels", f"The picture has over {2 * limits.max_pixels:,} pixels, at most {limits.max_pixels:,}."
        ) from None
    except MemoryError:
        raise UploadError("too_complex", "The picture takes more memory to read than is allowed.") from None
    except UnidentifiedImageError:
        # Beyond a limit of its own, the reader of AVIF says only that it can't.
        _check_pixels(*largest_iso(data) if kind == "AVIF" else (0, 0), limits.max_pixels)
        raise UploadError("damaged", _DAMAGED) from None
    except Exception as error:
        # What readers of hostile bytes raise changes with their version; the sender is told one thing in any case.
        raise UploadError("damaged", _DAMAGED) from error


def _cleaned(data: bytes, kind: Kind, limits: Limits) -> Cleaned:
    with _pillow_limit(limits.max_pixels), Image.open(io.BytesIO(data), formats=[kind]) as opened:
        _check_pixels(opened.width, opened.height, limits.max_pixels)
        if kind == "HEIF" and opened.mode == "I;16":
            # Where the pixels have fewer bits than the header says, pi-heif 1.4 writes beyond the end of its buffer.
            raise UploadError("unsupported_type", "The file is a grey HEIC picture of over 8 bits, which is not read.")
        if kind != "JPEG":
            opened.load()
            _check_pixels(opened.width, opened.height, limits.max_pixels)  # the reader of HEIC may find another size
        orientation = _orientation(opened)
        profile = opened.info.get("icc_profile")
        # A picture that is stored on its side is fitted after it was turned.
        box = (limits.max_height, limits.max_width) if orientation >= 5 else (limits.max_width, limits.max_height)
        size = fit(opened.width, opened.height, *box)
        # The JPEG decoder can leave out detail as it reads, at no cost, but only to a half, a quarter or an eighth.
        opened.draft("RGB", (math.ceil(size[0] * _NEARLY), math.ceil(size[1] * _NEARLY)))
        opened.load()
        small = _plain(opened)
        if small.width > size[0] or small.height > size[1]:
            small = _resized(small, size)
    small = _in_srgb(small, profile)
    if small.mode == "RGBA":
        # White: transparency has no colour of its own, and JPEG no transparency.
        ground = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(ground, small).convert("RGB")
    if orientation in _UPRIGHT:
        small = small.transpose(_UPRIGHT[orientation])
    return _encoded(small, kind, limits)


@contextmanager
def _pillow_limit(max_pixels: int) -> Iterator[None]:
    """Pillow warns above its own limit (ours is exact) and refuses from twice as many pixels on."""
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


def _orientation(image: Image.Image) -> int:
    """As EXIF numbers it; 1, which is upright, if that can't be read, for that is no reason to refuse the picture."""
    with suppress(Exception):
        if (orientation := image.getexif().get(_ORIENTATION)) in _UPRIGHT:
            return int(orientation)
    return 1


def _plain(image: Image.Image) -> Image.Image:
    """In one of the modes RGB, RGBA and CMYK, which can be resized and mean what they say."""
    if image.mode.startswith("I;16"):
        # 16 bit grey: keep the upper byte; a plain conversion would clip everything to white, and one level of it may
        # be named transparent, which no conversion knows how to honour.
        return image.point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
    wanted = "RGBA" if image.has_transparency_data else "CMYK" if image.mode == "CMYK" else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as they were meant: phones store wider ones than a model takes a JPEG without a profile for."""
    if profile:
        # A profile that can't be used is no reason to refuse the picture.
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            return _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return image.convert("RGB") if image.mode == "CMYK" else image


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image if alpha is None else image.convert("RGB")
    converted = ImageCms.profileToProfile(colours, profile, _SRGB, outputMode="RGB")
    if converted is None:
        raise ValueError("nothing was converted")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _encoded(image: Image.Image, kind: Kind, limits: Limits) -> Cleaned:
    """As a JPEG that is no larger than allowed, with whatever loss that takes."""
    image.info.clear()  # a comment would be written along
    step = Step(limits.quality, 1.0)
    shown = image
    while True:
        out = io.BytesIO()
        shown.save(out, "JPEG", quality=step.quality)
        if out.tell() <= limits.max_bytes:
            return Cleaned(out.getvalue(), shown.width, shown.height, kind)
        step = smaller(step, out.tell(), limits.max_bytes)
        size = step.size(image.width, image.height)
        if size is None:
            raise UploadError("too_complex", f"The picture does not fit into {limits.max_bytes:,} bytes.")
        if size != shown.size:
            shown = _resized(image, size)
            shown.info.clear()
