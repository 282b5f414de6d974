"""Small valid inputs of each kind, which the search starts from."""

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

_FOUND = Path(__file__).parents[1] / "tests" / "data" / "uploads"
_SIZE = (24, 16)
_MESSAGES = (
    b'{"width": 2, "height": 1, "kind": "PNG"}',
    b'{"code": "damaged", "message": "\\u00e9"}',
    b"[]",
    b"[" * 2_000,
    b'{"a": 1e999, "b": [NaN, {}]}',
)
_REFERENCES = (
    "data:image/png;base64,iVBORw0KGgo=",
    "data:image/svg+xml;charset=utf-8,%3Csvg/%3E",
    "https://user:password@example.com:443/a b?c=d#e",
    "https://[::1]:0/",
    "/srv/a.png b.png",
    '["/srv/a b.png", "https://example.com"]',
    "file:///etc/passwd",
)
_DISPATCHES: tuple[dict[str, Any], ...] = (
    {},
    {"instructions": "Speak.", "greeting": "", "language": "de-DE", "voice": "a", "participant_identity": "b"},
    {"vision": {"source": "both", "detail": "high"}},
    {"vision": {"source": None}, "language": ""},
    {"images": ["https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo="]},
)


def seeds(target: str, max_bytes: int) -> Iterator[bytes]:
    """The first inputs of a target."""
    if target in {"picture", "kind"}:
        yield from (b"", b"%PDF-1.7", b'<?xml version="1.0"?><svg/>', b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
        yield from pictures()
        if _FOUND.is_dir():
            files = (path.read_bytes() for path in sorted(_FOUND.iterdir()) if path.is_file())
            yield from (data for data in files if len(data) <= max_bytes)
    elif target == "wire":
        yield from (struct.pack(">II", len(head), 4) + head + b"body" for head in _MESSAGES)
    elif target == "reference":
        yield from (reference.encode() for reference in _REFERENCES)
    elif target == "dispatch":
        yield from (json.dumps(dispatch).encode() for dispatch in _DISPATCHES)


def pictures() -> Iterator[bytes]:
    """A file of every kind that is read, in the variants that its reader knows."""
    pillow_heif.register_heif_opener()
    noise = Image.effect_noise(_SIZE, 50)
    rgb = Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180)))
    rgba = rgb.copy()
    rgba.putalpha(noise)
    flat = Image.new("RGB", (16, 16), "teal")
    palette = rgb.quantize(16)
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "maker", 0x8769: {0x9000: b"0232"}, 0x8825: {1: "N"}})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    about: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile}
    several: dict[str, Any] = {"save_all": True, "append_images": [flat.resize(_SIZE)]}

    for mode in ("RGB", "L", "CMYK"):
        yield _file(rgb.convert(mode), "JPEG")
    large = rgb.resize((150, 100))  # has to be made smaller, to fit into the box and then into the bytes
    yield _file(large, "JPEG", quality=50)
    yield _file(large.quantize(16), "PNG")
    yield _file(large.resize((64, 64)), "HEIF", quality=40)
    yield _file(noise.resize((64, 64)), "HEIF", quality=30)
    yield _file(rgb, "JPEG", progressive=True, subsampling=0)
    yield _file(flat, "JPEG", comment=b"who", xmp=b"<x:xmpmeta/>", restart_marker_blocks=1, **about)
    yield _file(rgb, "MPO", **several)
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b", zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x/>")
    for mode in ("RGB", "1", "L", "LA", "I;16"):
        yield _file(noise.convert("L").convert(mode) if mode != "RGB" else rgb, "PNG")
    yield _file(rgba, "PNG", pnginfo=text, dpi=(72, 72), **about)
    yield _file(palette, "PNG", transparency=bytes(range(16)), bits=4)
    yield _file(rgb, "PNG", transparency=(1, 2, 3))
    yield _file(rgba, "PNG", disposal=1, blend=1, loop=0, duration=40, **several)
    yield _file(rgb, "WEBP", **about)
    yield _file(rgba, "WEBP", lossless=True)
    yield _file(rgba, "WEBP", xmp=b"<x/>")
    yield _file(flat, "WEBP", save_all=True, append_images=[flat.rotate(90)], duration=40)
    yield _file(palette, "GIF", comment=b"who", transparency=3)
    yield _file(noise, "GIF", interlace=False)
    yield _file(palette, "GIF", disposal=2, loop=0, duration=40, **several)
    yield _file(rgb, "AVIF", **about)
    yield _file(rgba, "AVIF", speed=10)
    yield _file(flat, "AVIF", save_all=True, append_images=[flat.rotate(90)], speed=10)
    yield _file(rgb, "HEIF", quality=40, **about)
    yield _file(rgba, "HEIF", quality=40)
    yield _file(noise, "HEIF", quality=40)
    yield _file(flat, "HEIF", quality=40, save_all=True, append_images=[rgb])


def _file(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()
