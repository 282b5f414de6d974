"""Writes `tests/data/uploads`: small pictures that are hostile or unusual, and what is mistaken for pictures.

`python -m tests.data.make_uploads` writes the whole folder anew, the same bytes each time with the same libraries. What
must become of each file stands in `tests/corpus.py`. What was put there by hand, `found_*`, is left as it is.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain, groupby
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from tests.corpus import FOLDER, SECRET

Files = Iterator[tuple[str, bytes]]

_KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF", "heic": "HEIF"}
_SAVING: dict[str, dict[str, Any]] = {
    "AVIF": {"max_threads": 1},
    "HEIF": {"enc_params": {"x265:pools": "none", "x265:frame-threads": "1"}},
}
"""Encoders with several threads may write other bytes next time."""
_ORIENTATION, _DESCRIPTION, _GPS = 0x0112, 0x010E, 0x8825
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera held so stores what it sees."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_SCRIPT = b"<html><script>alert('" + SECRET + b"')</script></html>"


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **_SAVING.get(kind, {}), **options)
    return out.getvalue()


def _flat(colour: Any, mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new(mode, size, colour)


def _marked() -> Image.Image:
    """Red, with a blue marker in the top left corner."""
    image = Image.new("RGB", (96, 64), "red")
    image.paste("blue", (0, 0, 32, 21))
    return image


def _noise() -> Image.Image:
    """Every block of it differs, so that what is missing can be seen; none of it is near to grey."""
    return Image.fromarray(np.random.default_rng(1).choice(np.array([0, 255], dtype=np.uint8), (48, 48, 3)))


def _exif(orientation: int = 1, *, gps: bool = False) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    if gps:
        exif[_DESCRIPTION] = SECRET.decode()
        exif[_GPS] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    return exif


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with right checksums."""
    made = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        made += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return made


def _ihdr(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def _idat(data: bytes) -> tuple[bytes, bytes]:
    return b"IDAT", zlib.compress(data, 9)


_IEND = (b"IEND", b"")
_RED_ROWS = (b"\0" + b"\xff\0\0" * 64) * 48


def _with_chunk(name: bytes, body: bytes) -> bytes:
    return _png(_ihdr(64, 48), (name, body), _idat(_RED_ROWS), _IEND)


def _interlaced(image: Image.Image) -> bytes:
    """The rows of an interlaced PNG, before compression."""
    seen = np.asarray(image)
    passes = [seen[top::down, left::right] for left, top, right, down in _PASSES]
    return b"".join(b"\0" + row.tobytes() for one in passes if one.size for row in one)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _jpeg_with(*segments: bytes) -> bytes:
    data = _file(_marked(), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def _jpeg_of_size(width: int, height: int) -> bytes:
    data = _file(Image.new("RGB", (8, 8)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _iso_of_size(data: bytes, width: int, height: int) -> bytes:
    """The file, with another size announced in each box `ispe`."""
    made = bytearray(data)
    for found in re.finditer(b"ispe", data):
        made[found.start() + 8 : found.start() + 16] = struct.pack(">II", width, height)
    return bytes(made)


def _undated(data: bytes) -> bytes:
    """The file without the time at which it was made, in the boxes of an animated AVIF that hold it."""
    made = bytearray(data)
    for found in re.finditer(b"(?:mvhd|tkhd|mdhd)\\x01", data):
        made[found.end() + 3 : found.end() + 19] = bytes(16)
    return bytes(made)


def _gif(screen: tuple[int, int], frame: tuple[int, int, int, int], *, drawn: int | None = None) -> bytes:
    """A GIF in one colour, red, whose frame (left, top, width, height) may end after `drawn` pixels."""
    count = frame[2] * frame[3] if drawn is None else drawn
    codes = chain.from_iterable([4, *[1] * min(2, count - at)] for at in range(0, count, 2))  # cleared: always 3 bits
    bits = "".join(reversed([f"{code:03b}" for code in [*codes, 5]]))
    data = int(bits, 2).to_bytes((len(bits) + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255))
    palette = b"\xff\xff\xff" + b"\xff\0\0" * 3
    return b"".join([
        b"GIF89a" + struct.pack("<HHBBB", *screen, 0x91, 0, 0) + palette,
        b"," + struct.pack("<HHHHB", *frame, 0) + b"\x02" + blocks + b"\0;",
    ])  # fmt: skip


def _profile(*primaries: tuple[float, float, float]) -> bytes:
    """An ICC profile of these primaries (XYZ, adapted to D50) with the gamma 2.2."""
    fixed = [b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(part * 65536) for part in one)) for one in primaries]
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, 0x0233, 0)
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + b"\0" * 79
    tags = [(b"desc", name), (b"cprt", b"text\0\0\0\0None\0\0\0\0"), (b"wtpt", white)]
    tags += zip((b"rXYZ", b"gXYZ", b"bXYZ"), fixed, strict=True)
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags:
        table += tag + struct.pack(">II", at + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s6H4s", at + len(body), b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ",
                       2020, 1, 1, 0, 0, 0, b"acsp")  # fmt: skip
    head += b"\0" * 28 + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + table + body


DISPLAY_P3 = _profile((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))
SWAPPED = _profile((0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139), (0.1431, 0.0606, 0.7141))
"""sRGB's own primaries, but its red is green: who ignores the profile sees the wrong colour."""


def _good() -> Files:
    for end, kind in _KINDS.items():
        yield f"good.{end}", _file(_marked(), kind)
        data = _file(_noise(), kind, **({"optimize": False} if kind == "GIF" else {}))
        yield f"{end}_cut_in_header.{end}", data[:30]
        yield f"{end}_cut_in_middle.{end}", data[: len(data) // 2]
        yield f"{end}_cut_before_end.{end}", data[: len(data) - max(20, len(data) // 30)]
    yield "lossless.webp", _file(_marked(), "WEBP", lossless=True)
    data = _file(_noise(), "WEBP", lossless=True)
    yield "lossless_cut_in_middle.webp", data[: len(data) // 2]
    yield "jpeg_named.png", _file(_marked(), "JPEG")
    yield "png_named.jpg", _file(_marked(), "PNG")
    yield "gif_named.webp", _file(_marked(), "GIF")
    yield "heic_named.jpg", _file(_marked(), "HEIF")


def _ended() -> Files:
    """Cut off, and ended properly all the same."""
    data = _file(_flat((255, 0, 0)), "JPEG", restart_marker_rows=1)
    yield "jpg_cut_and_ended.jpg", data[: data.index(b"\xff\xd0")] + b"\xff\xd9"
    yield "jpg_without_end.jpg", _file(_noise(), "JPEG")[:-2]
    data = _file(_noise(), "PNG")
    yield "png_cut_and_padded.png", data[: len(data) // 2].ljust(len(data), b"\0")
    yield "png_cut_and_ended.png", _png(_ihdr(64, 48), _idat(_RED_ROWS[: 193 * 24]), _IEND)
    yield "png_without_end.png", _file(_marked(), "PNG")[:-12]
    yield "png_black.png", _file(_flat("black"), "PNG")
    yield "gif_cut_and_ended.gif", _gif((64, 48), (0, 0, 64, 48), drawn=1000)
    yield "gif_without_end.gif", _file(_marked(), "GIF")[:-1]


def _polyglots() -> Files:
    # Its width reads as the beginning of a comment.
    data = _gif((0x2A2F, 40), (0, 0, 64, 40))
    yield "gif_and_javascript.gif", data[:-1] + b"!\xfe\x15*/=1;alert('at-home');\0;"
    yield "jpeg_and_html.jpg", _jpeg_with(_segment(0xFE, _SCRIPT)) + _SCRIPT
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), SECRET)
    yield "jpeg_and_zip.jpg", _file(_marked(), "JPEG") + packed.getvalue()
    yield "zip.png", packed.getvalue()
    yield "png_and_script.png", _file(_marked(), "PNG") + _SCRIPT
    inside = _file(_marked(), "JPEG")
    head = b"%%PDF-1.4\n1 0 obj<</Type/XObject/Subtype/Image/Filter/DCTDecode/Length %d>>stream\n" % len(inside)
    yield "pdf_with_jpeg.pdf", head + inside + b"\nendstream endobj\n%%EOF"
    yield "jpeg_after_text.jpg", b"Look:\n" + inside


def _header_bombs() -> Files:
    yield "png_60000x60000.png", _png(_ihdr(60_000, 60_000), _idat(b"\0" * 100), _IEND)
    yield "png_2147483647x2147483647.png", _png(_ihdr(2**31 - 1, 2**31 - 1), _idat(b""), _IEND)
    yield "png_without_pixels.png", _png(_ihdr(0, 0), _idat(b""), _IEND)
    yield "jpg_60000x60000.jpg", _jpeg_of_size(60_000, 60_000)
    yield "jpg_1001x1000.jpg", _jpeg_of_size(1001, 1000)
    yield "jpg_without_pixels.jpg", _jpeg_of_size(64, 0)
    yield "gif_60000x60000.gif", _gif((60_000, 60_000), (0, 0, 8, 8))
    yield "gif_frame_60000x60000.gif", _gif((8, 8), (0, 0, 60_000, 60_000), drawn=64)
    lossy = bytearray(_file(Image.new("RGB", (8, 8)), "WEBP"))
    lossy[26:30] = struct.pack("<HH", 0x3FFF, 0x3FFF)
    yield "webp_vp8_16383x16383.webp", bytes(lossy)
    lossless = bytearray(_file(Image.new("RGB", (8, 8)), "WEBP", lossless=True))
    lossless[21:25] = struct.pack("<I", 0x0FFFFFFF)
    yield "webp_vp8l_16384x16384.webp", bytes(lossless)
    extended = bytearray(_file(Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "WEBP", exif=b"Exif\0\0"))
    extended[24:30] = (59_999).to_bytes(3, "little") * 2
    yield "webp_vp8x_60000x60000.webp", bytes(extended)
    for end in ("avif", "heic"):
        small = _file(_marked(), _KINDS[end])
        yield f"{end}_60000x60000.{end}", _iso_of_size(small, 60_000, 60_000)
        yield f"{end}_1001x1000.{end}", _iso_of_size(small, 1001, 1000)
        large = _file(_flat("red", size=(2000, 2000)), _KINDS[end])
        yield f"{end}_2000x2000_says_64x64.{end}", _iso_of_size(large, 64, 64)


def _inflating_bombs() -> Files:
    zeros = zlib.compress(b"0" * 30_000_000, 9)
    yield "png_ztxt_of_30_mb.png", _with_chunk(b"zTXt", b"Comment\0\0" + zeros)
    yield "png_itxt_of_30_mb.png", _with_chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros)
    yield "png_iccp_of_30_mb.png", _with_chunk(b"iCCP", b"icc\0\0" + zeros)
    few = zlib.compress(b"0" * 1_000_000, 9)
    texts = [(b"zTXt", b"Comment %d\0\0" % number + few) for number in range(70)]
    yield "png_70_ztxt_of_1_mb.png", _png(_ihdr(64, 48), *texts, _idat(_RED_ROWS), _IEND)
    yield "png_idat_of_30_mb.png", _png(_ihdr(64, 48), _idat(_RED_ROWS + b"\0" * 30_000_000), _IEND)
    much = (_exif().tobytes() + SECRET).ljust(65_533, b"x")
    yield "jpg_huge_exif.jpg", _jpeg_with(_segment(0xE1, much), _segment(0xE1, b"Exif\0\0".ljust(65_533, b"x")))
    data = _file(_flat(90, "L", (1000, 1000)), "JPEG", progressive=True)
    yield "jpg_1000_scans.jpg", data[:-2] + bytes.fromhex("ffda 0008 01 01 00 01 3f 10") * 1000 + data[-2:]


def _turned() -> Files:
    for orientation in range(1, 9):
        way = _STORED.get(orientation)
        stored = _marked() if way is None else _marked().transpose(way)
        for end in ("jpg", "png", "webp", "avif", "heic"):
            exif = _exif(orientation)
            given = exif.tobytes() if end == "heic" else exif
            yield f"orientation_{orientation}.{end}", _file(stored, _KINDS[end], exif=given)
    yield "orientation_77.jpg", _file(_marked(), "JPEG", exif=_exif(77))
    for end in ("jpg", "png", "webp"):
        yield f"exif_damaged.{end}", _file(_marked(), _KINDS[end], exif=b"Exif\0\0II nothing that could be read")


def _modes() -> Files:
    yield "cmyk.jpg", _file(_flat((0, 255, 255, 0), "CMYK"), "JPEG", quality=95)
    # Inverted, and its first three parts are Y, Cb and Cr of cyan.
    data = _file(_flat((76, 84, 255, 0), "CMYK"), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    yield "ycck.jpg", data[:at] + b"\x02" + data[at + 1 :]
    yield "grey.jpg", _file(_flat(90, "L"), "JPEG")
    yield "progressive.jpg", _file(_marked(), "JPEG", progressive=True)
    yield "12_bit.jpg", _file(_marked(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")
    for name, level in (("black", 0), ("grey", 0x8000), ("white", 0xFFFF)):
        yield f"16_bit_{name}.png", _file(Image.fromarray(np.full((48, 64), level, dtype=np.uint16)), "PNG")
    rows = (b"\0" + b"\0\0" * 32 + b"\x80\0" * 32) * 48
    yield "16_bit_grey_with_transparency.png", _png(_ihdr(64, 48, 16, 0), (b"tRNS", b"\0\0"), _idat(rows), _IEND)
    yield "16_bit_rgb.png", _png(_ihdr(64, 48, 16, 2), _idat((b"\0" + b"\xff\xff\0\0\0\0" * 64) * 48), _IEND)
    palette = Image.new("P", (64, 48), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(0, (0, 0, 32, 48))
    yield "palette_with_transparency.png", _file(palette, "PNG", transparency=0)
    yield "palette_with_transparency.gif", _file(palette, "GIF", transparency=0)
    yield "clear_grey.png", _file(_flat((0, 0), "LA"), "PNG")
    yield "one_bit.png", _file(_flat(1, "1"), "PNG")
    yield "interlaced.png", _png(_ihdr(96, 64, interlaced=1), _idat(_interlaced(_marked())), _IEND)
    for end in ("png", "webp", "avif", "heic"):
        yield f"half_clear.{end}", _file(_flat((0, 0, 255, 128), "RGBA"), _KINDS[end])
    for end in ("gif", "webp", "png", "avif"):
        pictures: dict[str, Any] = {"save_all": True, "append_images": [_flat("red")], "duration": 100}
        yield f"animated.{end}", _undated(_file(_flat("lime"), _KINDS[end], **pictures))
    yield "two_pictures.heic", _file(_flat("lime"), "HEIF", save_all=True, append_images=[_flat("red")])
    yield "two_pictures.jpg", _file(_marked(), "MPO", save_all=True, append_images=[_flat("lime", size=(96, 64))])
    yield "gif_frame_outside_screen.gif", _gif((32, 32), (40, 10, 64, 48))


def _metadata() -> Files:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>' + SECRET + b"</exif:GPSLatitude></x:xmpmeta>"
    for end in ("jpg", "png", "webp", "avif", "heic"):
        exif = _exif(gps=True)
        given = exif.tobytes() if end == "heic" else exif
        yield f"gps_in_exif.{end}", _file(_marked(), _KINDS[end], exif=given)
    for end in ("jpg", "webp", "avif", "heic"):
        yield f"gps_in_xmp.{end}", _file(_marked(), _KINDS[end], xmp=xmp)
    yield "gps_in_xmp.png", _with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    yield "text.png", _with_chunk(b"tEXt", b"Author\0" + SECRET)
    iptc = b"\x1c\x02\x5a" + struct.pack(">H", len(SECRET)) + SECRET
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    yield "gps_in_iptc.jpg", _jpeg_with(_segment(0xED, b"Photoshop 3.0\0" + resource))
    yield "comment.jpg", _jpeg_with(_segment(0xFE, SECRET))
    yield "comment.gif", _file(_marked(), "GIF", comment=SECRET)
    for end in ("jpg", "png", "webp", "avif", "heic"):
        yield f"profile_swapped.{end}", _file(_flat("red"), _KINDS[end], icc_profile=SWAPPED)
    yield "profile_swapped_half_clear.png", _file(_flat((255, 0, 0, 128), "RGBA"), "PNG", icc_profile=SWAPPED)
    yield "profile_display_p3.jpg", _file(_flat("red"), "JPEG", icc_profile=DISPLAY_P3)
    yield "profile_display_p3_skin.png", _file(_flat((200, 120, 90)), "PNG", icc_profile=DISPLAY_P3)
    yield "profile_of_other_colours.jpg", _file(_flat((0, 255, 255, 0), "CMYK"), "JPEG", icc_profile=DISPLAY_P3)
    for end in ("jpg", "png", "webp"):
        yield f"profile_damaged.{end}", _file(_marked(), _KINDS[end], icc_profile=SWAPPED[:200] + b"\xff" * 100)


def _no_pictures() -> Files:
    yield "empty.jpg", b""
    yield "one_byte.png", b"\x89"
    yield "three_bytes.jpg", b"\xff\xd8\xff"
    yield "zeros.webp", b"\0" * 100
    yield "text.jpg", b"just words, no picture at all"
    yield "svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    yield "svg_with_prolog.jpg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    yield "html.jpg", b"\xef\xbb\xbf\n<!DOCTYPE html>" + _SCRIPT
    yield "postscript.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n"
    yield "video.heic", b"\0\0\0\x18ftypisom\0\0\2\0isommp42"
    yield "heic_of_its_first_box.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    for kind in ("BMP", "TIFF", "ICO"):
        yield f"{kind.lower()}.png", _file(_marked(), kind)


def main() -> None:
    """Write the folder anew."""
    pillow_heif.register_heif_opener()
    makers = (_good, _ended, _polyglots, _header_bombs, _inflating_bombs, _turned, _modes, _metadata, _no_pictures)
    made = sorted(chain.from_iterable(maker() for maker in makers))
    twice = [name for name, files in groupby(made, key=lambda one: one[0]) if len(list(files)) > 1]
    assert not twice, twice
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if not path.name.startswith("found_"):
            path.unlink()
    for name, data in made:
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
