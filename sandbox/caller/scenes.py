"""What the scripted caller shows: generated pictures, and by their short form those from files too."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageColor

from sandbox.caller.files import Picture, Video
from sandbox.caller.lettering import write
from sandbox.caller.smallprint import SmallPrint
from sandbox.caller.stamp import Pixels, draw_stamp, read_stamp
from sandbox.caller.still import Scene, Still

__all__ = [
    "Colour",
    "Counter",
    "Picture",
    "Pixels",
    "Qr",
    "Scene",
    "Sign",
    "SmallPrint",
    "Video",
    "read_stamp",
    "scene",
    "usual_size",
]

FORMS = "sign:TEXT, small:WORDS, counter, colour:NAME, qr:TEXT or file:PATH"
"""The short forms of scenes."""

_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".webm"})
_COUNTER_MODULUS = 10_000


class Sign(Still):
    """Dark text on a plain light background, as large as fits. Line breaks in the text are kept."""

    def __init__(self, text: str, width: int = 1280, height: int = 720) -> None:
        picture = Image.new("RGB", (width, height), "white")
        write(picture, text)
        super().__init__(np.asarray(picture, np.uint8))


class Colour(Still):
    """One plain colour, by its CSS name or `#rrggbb`. Unknown names raise ValueError."""

    def __init__(self, name: str, width: int = 1280, height: int = 720) -> None:
        try:
            rgb = ImageColor.getrgb(name)[:3]
        except ValueError as error:
            raise ValueError(f"colour {name!r}, allowed: a CSS colour name or #rrggbb") from error
        super().__init__(np.full((height, width, 3), rgb, np.uint8))


class Qr(Still):
    """A QR code, black on white, at most four fifths of the frame's height."""

    def __init__(self, text: str, width: int = 1280, height: int = 720) -> None:
        modules = cv2.QRCodeEncoder.create().encode(text)
        if not modules.size:
            raise ValueError(f"QR text of {len(text)} characters, allowed: 1 to what one QR code holds")
        side = min(width, height) * 4 // 5 // modules.shape[0] * modules.shape[0]
        code = cv2.resize(modules, (side, side), interpolation=cv2.INTER_NEAREST)
        picture = np.full((height, width, 3), 255, np.uint8)
        top, left = (height - side) // 2, (width - side) // 2
        picture[top : top + side, left : left + side] = code[:, :, np.newaxis]
        super().__init__(picture)


class Counter:
    """A number that changes once a second, and a stamp of each frame's very moment.

    People and models read the number; `read_stamp` gives the moment to the millisecond.
    """

    still = False

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        self._picture = np.full((height, width, 3), 255, np.uint8)
        self._shown = -1

    @staticmethod
    def number(now: float) -> int:
        """Give the number shown at `now` (unix seconds): 0 to 9,999, drawn with four digits."""
        return int(now) % _COUNTER_MODULUS

    def frame(self, now: float) -> Pixels:
        """Draw the moment."""
        number = self.number(now)
        if number != self._shown:
            height, width = self._picture.shape[:2]
            digits = Sign(f"{number:04}", width, int(height * 0.62)).frame(now)
            self._picture[: digits.shape[0]] = digits
            self._shown = number
        draw_stamp(self._picture, now)
        return self._picture


def usual_size(spec: str) -> tuple[int, int]:
    """Give the width and height, in pixels, at which a short form is shown unless told otherwise."""
    return SmallPrint.SIZE if spec.startswith("small:") else (1280, 720)


def scene(spec: str, width: int = 1280, height: int = 720) -> Scene:
    """Make a scene from its short form, such as `sign:OPEN AT NINE`.

    Args:
        spec: `sign:TEXT`, `small:WORDS`, `counter`, `colour:NAME`, `qr:TEXT` or `file:PATH` (an image or a video).
        width: pixels.
        height: pixels.

    Raises:
        ValueError: The form is unknown, or what follows the colon is of no use.
    """
    kind, _, rest = spec.partition(":")
    if kind == "counter" and not rest:
        return Counter(width, height)
    if rest and kind == "sign":
        return Sign(rest, width, height)
    if rest and kind == "small":
        return SmallPrint(rest, width, height)
    if rest and kind == "colour":
        return Colour(rest, width, height)
    if rest and kind == "qr":
        return Qr(rest, width, height)
    if rest and kind == "file":
        is_video = Path(rest).suffix.lower() in _VIDEO_SUFFIXES
        return Video(rest, width, height) if is_video else Picture(rest, width, height)
    raise ValueError(f"scene {spec!r}, allowed: {FORMS}")
