"""Pictures and videos from files, as scenes."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from sandbox.caller.stamp import Pixels
from sandbox.caller.still import Still


class Picture(Still):
    """An image file, whole, on black where its proportions differ. A file that is none raises ValueError."""

    def __init__(self, path: Path | str, width: int = 1280, height: int = 720) -> None:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise ValueError(f"picture {str(path)!r}: {error}") from error
        super().__init__(_letterbox(pixels, width, height))


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
