"""What must become of each file of `tests/data/uploads`.

`tests/data/make_uploads.py` writes them, but for those that fuzzing found and no script can make: `found_*.bin`.
"""

from dataclasses import dataclass
from pathlib import Path

from agent.errors import UploadCode
from agent.uploads.kind import Kind

FOLDER = Path(__file__).parent / "data" / "uploads"
SECRET = b"at-home-with-the-family"
"""Stands in every file that holds something of its sender's."""

Colour = tuple[int, int, int]
RED: Colour = (255, 0, 0)
GREEN: Colour = (0, 255, 0)
BLUE: Colour = (0, 0, 255)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
GREY: Colour = (128, 128, 128)
HALF_BLUE: Colour = (127, 127, 255)
"""Blue, half clear, on white."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture that is read.

    Attributes:
        kind: What it is.
        width: Pixels of the result.
        height: Pixels of the result.
        corners: The colours at top left, top right, bottom left and bottom right.
    """

    kind: Kind
    width: int
    height: int
    corners: tuple[Colour, Colour, Colour, Colour]


def _marked(kind: Kind) -> Accepted:
    """A red picture with a blue marker in its top left corner, upright."""
    return Accepted(kind, 96, 64, (BLUE, RED, RED, RED))


def _flat(kind: Kind, colour: Colour, right: Colour | None = None) -> Accepted:
    """A picture of one colour, or of two, side by side."""
    other = colour if right is None else right
    return Accepted(kind, 64, 48, (colour, other, colour, other))


_KINDS: dict[str, Kind] = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF", "heic": "HEIF"}
_MARKED = {
    "jpg": (
        *("comment", "exif_damaged", "gps_in_exif", "gps_in_iptc", "gps_in_xmp", "jpeg_and_html", "jpeg_and_zip"),
        *("jpg_huge_exif", "orientation_77", "profile_damaged", "progressive", "two_pictures"),
    ),
    "png": ("exif_damaged", "gps_in_exif", "interlaced", "png_and_script", "png_without_end", "profile_damaged"),
    "webp": ("exif_damaged", "gps_in_exif", "gps_in_xmp", "lossless", "profile_damaged"),
    "gif": ("comment", "gif_without_end"),
    "avif": ("gps_in_exif", "gps_in_xmp"),
    "heic": ("gps_in_exif", "gps_in_xmp"),
}
_FLAT: dict[Colour, tuple[str, ...]] = {
    RED: (
        *("16_bit_rgb.png", "cmyk.jpg", "gps_in_xmp.png", "png_idat_of_30_mb.png", "profile_display_p3.jpg"),
        *("profile_of_other_colours.jpg", "text.png", "ycck.jpg"),
    ),
    GREEN: (
        *("animated.avif", "animated.gif", "animated.png", "animated.webp", "two_pictures.heic"),
        *("profile_swapped.avif", "profile_swapped.heic", "profile_swapped.jpg", "profile_swapped.png"),
        "profile_swapped.webp",
    ),
    BLACK: ("16_bit_black.png", "png_black.png"),
    GREY: ("16_bit_grey.png",),
    WHITE: ("16_bit_white.png", "clear_grey.png", "one_bit.png"),
    HALF_BLUE: ("half_clear.avif", "half_clear.heic", "half_clear.png", "half_clear.webp"),
    (90, 90, 90): ("grey.jpg",),
    (127, 255, 127): ("profile_swapped_half_clear.png",),
    (214, 116, 81): ("profile_display_p3_skin.png",),
}
_REFUSED: dict[UploadCode, tuple[str, ...]] = {
    "unsupported_type": (
        *("bmp.png", "empty.jpg", "html.jpg", "ico.png", "jpeg_after_text.jpg", "one_byte.png", "pdf_with_jpeg.pdf"),
        *("postscript.png", "svg.png", "svg_with_prolog.jpg", "text.jpg", "tiff.png", "video.heic", "zeros.webp"),
        "zip.png",
    ),
    "too_many_pixels": (
        *("avif_1001x1000.avif", "avif_60000x60000.avif", "heic_1001x1000.heic", "heic_60000x60000.heic"),
        *("gif_60000x60000.gif", "gif_frame_60000x60000.gif", "jpg_1001x1000.jpg", "jpg_60000x60000.jpg"),
        *("png_2147483647x2147483647.png", "png_60000x60000.png", "webp_vp8_16383x16383.webp"),
        *("webp_vp8l_16384x16384.webp", "webp_vp8x_60000x60000.webp"),
    ),
    "damaged": (
        *(f"{end}_cut_{where}.{end}" for end in _KINDS for where in ("in_header", "in_middle", "before_end")),
        *("12_bit.jpg", "gif_cut_and_ended.gif", "heic_2000x2000_says_64x64.heic", "heic_of_its_first_box.heic"),
        *("jpg_without_end.jpg", "jpg_without_pixels.jpg", "lossless_cut_in_middle.webp", "png_70_ztxt_of_1_mb.png"),
        *("png_cut_and_padded.png", "png_iccp_of_30_mb.png", "png_itxt_of_30_mb.png"),
        *("png_ztxt_of_30_mb.png", "png_without_pixels.png", "three_bytes.jpg"),
        *("found_heic_item_type_not_utf8.bin", "found_png_without_palette.bin"),
    ),
}

FATAL = {"found_heic_item_type_not_utf8.bin"}
"""What ends the process that reads it: a mistake of pi-heif 1.4."""
UNREAD = {"found_heic_grey_of_8_bits_says_10.bin"}
"""Pictures of a kind that is read, but in a variety that is not."""

OUTCOMES: dict[str, Accepted | UploadCode] = {
    **{f"good.{end}": _marked(kind) for end, kind in _KINDS.items()},
    **{f"{name}.{end}": _marked(_KINDS[end]) for end, names in _MARKED.items() for name in names},
    **{
        f"orientation_{number}.{end}": _marked(_KINDS[end])
        for end in ("jpg", "png", "webp", "avif", "heic")
        for number in range(1, 9)
    },
    **{name: _flat(_KINDS[name.split(".")[1]], colour) for colour, names in _FLAT.items() for name in names},
    **{name: code for code, names in _REFUSED.items() for name in names},
    **dict.fromkeys(UNREAD, "unsupported_type"),
    "gif_named.webp": _marked("GIF"),
    # Whole by their own word; the readers fill in what is not there.
    "jpg_cut_and_ended.jpg": Accepted("JPEG", 64, 48, (RED, RED, GREY, GREY)),
    "png_cut_and_ended.png": Accepted("PNG", 64, 48, (RED, RED, BLACK, BLACK)),
    "heic_named.jpg": _marked("HEIF"),
    "jpeg_named.png": _marked("JPEG"),
    "png_named.jpg": _marked("PNG"),
    # Which level is clear is not heeded at 16 bits.
    "16_bit_grey_with_transparency.png": _flat("PNG", BLACK, GREY),
    "palette_with_transparency.gif": _flat("GIF", WHITE, RED),
    "palette_with_transparency.png": _flat("PNG", WHITE, RED),
    # The picture inside is as large as the limit for memory allows, and is made as small as the file says.
    "avif_2000x2000_says_64x64.avif": Accepted("AVIF", 64, 64, (RED, RED, RED, RED)),
    # Nearly all of it is empty.
    "gif_and_javascript.gif": Accepted("GIF", 200, 2, (WHITE, WHITE, WHITE, WHITE)),
    # The screen grows with the frame.
    "gif_frame_outside_screen.gif": Accepted("GIF", 104, 58, (WHITE, WHITE, WHITE, RED)),
    # Slow for its size, but not yet too slow.
    "jpg_1000_scans.jpg": Accepted("JPEG", 200, 200, ((90, 90, 90), (90, 90, 90), (90, 90, 90), (90, 90, 90))),
}
