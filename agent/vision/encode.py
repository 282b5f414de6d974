"""Turning a picture into the JPEG that the model is sent."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.frame import Frame

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

# One encode takes 5 ms; OpenCV's own thread pool would only compete with the audio path for the same cores.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class Jpeg:
    """An encoded picture.

    Attributes:
        data: The file.
        width: Pixels, upright.
        height: Pixels, upright.
        sha256: Hexadecimal digest of `data`.
    """

    data: bytes
    width: int
    height: int
    sha256: str

    @cached_property
    def data_url(self) -> str:
        """The file as a `data:` URL, made once however many requests carry it."""
        return "data:image/jpeg;base64," + base64.b64encode(self.data).decode("ascii")


def fit(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The largest size within the box that keeps the shape and never enlarges; each edge at least 2 pixels."""
    scale = min(1.0, max_width / width, max_height / height)
    return max(2, round(width * scale)), max(2, round(height * scale))


def encode_frame(frame: Frame, *, max_width: int, max_height: int, quality: int) -> Jpeg:
    """Encode a video frame upright, fitted into the box.

    The planes are resized before the colour conversion, so that only the pixels that are sent are converted.

    Raises:
        ValueError: If the frame's buffer does not have the size its dimensions say, or is not encodable.
    """
    turned = frame.rotation in {90, 270}
    box = (max_height, max_width) if turned else (max_width, max_height)
    width, height = (edge - edge % 2 for edge in fit(frame.width, frame.height, *box))
    planes = np.concatenate(
        [
            _resized(plane, width // shrink, height // shrink).reshape(-1)
            for plane, shrink in zip(_planes(frame), (1, 2, 2), strict=True)
        ]
    )
    bgr = cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
    upright = cv2.rotate(bgr, _ROTATIONS[frame.rotation]) if frame.rotation in _ROTATIONS else bgr
    return encode_bgr(np.asarray(upright, dtype=np.uint8), quality=quality)


def encode_bgr(pixels: NDArray[np.uint8], *, quality: int) -> Jpeg:
    """Encode pixels (BGR, height x width x 3, uint8) as they are.

    Raises:
        ValueError: If OpenCV cannot encode them.
    """
    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} can't be encoded as JPEG")
    data = encoded.tobytes()
    return Jpeg(data, pixels.shape[1], pixels.shape[0], hashlib.sha256(data).hexdigest())


def _planes(frame: Frame) -> list[NDArray[np.uint8]]:
    chroma_width, chroma_height = (frame.width + 1) // 2, (frame.height + 1) // 2
    luma, chroma = frame.width * frame.height, chroma_width * chroma_height
    if frame.i420.size != luma + 2 * chroma:
        raise ValueError(
            f"a {frame.width}x{frame.height} frame has {frame.i420.size} bytes, expected {luma + 2 * chroma}"
        )
    y, u, v = np.split(frame.i420, (luma, luma + chroma))
    return [
        y.reshape(frame.height, frame.width),
        u.reshape(chroma_height, chroma_width),
        v.reshape(chroma_height, chroma_width),
    ]


def _resized(plane: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if plane.shape == (height, width):
        return plane
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
