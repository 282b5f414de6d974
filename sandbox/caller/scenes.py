"""What the scripted caller shows: generated pictures, and pictures and videos from files."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image, ImageColor, UnidentifiedImageError

from sandbox.caller.lettering import write
from sandbox.caller.stamp import Pixels, draw_stamp, read_stamp

__all__ = ["Colour", "Counter", "Picture", "Pixels", "Qr", "Scene", "Sign", "Video", "read_stamp", "scene"]

_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".webm"})
_COUNTER_MODULUS = 10_000


class Scene(Protocol):
    """Something to point a camera at."""

    @property
    def still(self) -> bool:
        """Whether every frame is the same, so that one conversion serves them all."""

    def frame(self, now: float) -> Pixels:
        """Draw the moment `now` (unix seconds).

        Returns:
            RGB, height x width x 3, uint8; the scene's own buffer, valid until the next call.
        """


class Still:
    """A scene that never changes. Its picture is RGB, height x width x 3, uint8."""

    still = True

    def __init__(self, picture: Pixels) -> None:
        self._picture = picture

    def frame(self, now: float) -> Pixels:  # noqa: ARG002 - the moment makes no difference here
        """Give the one picture."""
        return self._picture


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


class Picture(Still):
    """An image file, whole, on black where its proportions differ. A file that is none raises ValueError."""

    def __init__(self, path: Path | str, width: int = 1280, height: int = 720) -> None:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise ValueError(f"picture {str(path)!r}: {error}") from error
        super().__init__(_letterbox(pixels, width, height))


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


class Video:
    """A video file at its own speed, over and over. A file that is none raises ValueError."""

    still = False

    def __init__(self, path: Path | str, width: int = 1280, height: int = 720) -> None:
        self._capture = cv2.VideoCapture(str(path))
        self._size = (width, height)
        self._fps = self._capture.get(cv2.CAP_PROP_FPS) or 30.0
        self._started: float | None = None
        self._read = 0
        found, picture = self._capture.read()
        if not found:
            raise ValueError(f"video {str(path)!r} has no readable frame")
        self._picture = self._fitted(picture)

    def frame(self, now: float) -> Pixels:
        """Give the frame due at `now`, counted from the first call."""
        if self._started is None:
            self._started = now
        due = int((now - self._started) * self._fps)
        # A caller that was away for long must not decode the whole absence: half a second is enough to go on.
        self._read = max(self._read, due - int(self._fps / 2))
        while self._read < due:
            self._read += 1
            found, picture = self._capture.read()
            if not found:
                self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                found, picture = self._capture.read()
            if found and self._read == due:
                self._picture = self._fitted(picture)
        return self._picture

    def _fitted(self, bgr: object) -> Pixels:
        rgb = np.asarray(cv2.cvtColor(np.asarray(bgr, np.uint8), cv2.COLOR_BGR2RGB), np.uint8)
        return _letterbox(rgb, *self._size)


def scene(spec: str, width: int = 1280, height: int = 720) -> Scene:
    """Make a scene from its short form, such as `sign:OPEN AT NINE`.

    Args:
        spec: `sign:TEXT`, `counter`, `colour:NAME`, `qr:TEXT` or `file:PATH` (an image or a video).
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
    if rest and kind == "colour":
        return Colour(rest, width, height)
    if rest and kind == "qr":
        return Qr(rest, width, height)
    if rest and kind == "file":
        is_video = Path(rest).suffix.lower() in _VIDEO_SUFFIXES
        return Video(rest, width, height) if is_video else Picture(rest, width, height)
    raise ValueError(f"scene {spec!r}, allowed: sign:TEXT, counter, colour:NAME, qr:TEXT, file:PATH")


def _letterbox(pixels: Pixels, width: int, height: int) -> Pixels:
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner_width, inner_height = max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale))
    if (inner_width, inner_height) == (width, height) == (pixels.shape[1], pixels.shape[0]):
        return pixels
    frame = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    frame[top : top + inner_height, left : left + inner_width] = cv2.resize(
        pixels, (inner_width, inner_height), interpolation=cv2.INTER_AREA
    )
    return frame
