"""Turning a frame into the picture file that the model is sent."""

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.encoded import EncodedImage
from agent.vision.fit import Layout, layout
from agent.vision.frame import Frame
from agent.vision.region import Planes, cut, planes
from agent.vision.scale import Step, smaller
from agent.vision.target import Target
from config.vision import PictureFormat

Pixels = NDArray[np.uint8]

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_QUALITY_FLAGS: dict[PictureFormat, int] = {"jpeg": cv2.IMWRITE_JPEG_QUALITY, "webp": cv2.IMWRITE_WEBP_QUALITY}
"""PNG has none: it loses nothing."""

# One encode takes 3 ms; OpenCV's own thread pool would only compete with the audio path for the same cores.
cv2.setNumThreads(1)


def encode_frame(frame: Frame, target: Target) -> EncodedImage:
    """Encode a video frame, upright and as the target says. Blocking: some milliseconds, so call it in a thread.

    The planes are resized before the colour conversion, so that only the pixels that are sent are converted.

    Raises:
        ValueError: If the frame's buffer does not have the size its dimensions say, is not encodable, or can't be
            made as small as `target.max_bytes`.
    """
    box = (target.max_width, target.max_height)
    if frame.rotation in {90, 270}:
        box = box[::-1]  # it is meant for the upright picture
    plan = layout(frame.width, frame.height, *box, target.resize)
    try:
        bgr = _framed(_converted(cut(planes(frame), plan.part), plan.width, plan.height), plan)
    except cv2.error as error:
        raise ValueError(f"a {frame.width}x{frame.height} frame can't be laid out as {plan}: {error}") from error
    if frame.rotation in _ROTATIONS:
        bgr = np.asarray(cv2.rotate(bgr, _ROTATIONS[frame.rotation]), dtype=np.uint8)
    step = Step(target.quality if target.format in _QUALITY_FLAGS else None, 1.0)
    shown = bgr
    while True:
        image = _encoded(shown, target.format, step.quality)
        if len(image.data) <= target.max_bytes:
            return image
        step = smaller(step, len(image.data), target.max_bytes)
        size = step.size(bgr.shape[1], bgr.shape[0])
        if size is None:
            raise ValueError(
                f"a {frame.width}x{frame.height} frame can't be encoded in {target.max_bytes} bytes: as "
                f"{target.format} of {image.width}x{image.height} it still has {len(image.data)}"
            )
        if size != (image.width, image.height):
            shown = np.empty((size[1], size[0], 3), dtype=np.uint8)
            _shrink(bgr, shown)


def encode_bgr(pixels: Pixels, *, quality: int) -> EncodedImage:
    """Encode pixels (BGR, height x width x 3, uint8) as they are, as JPEG.

    Raises:
        ValueError: If OpenCV cannot encode them.
    """
    return _encoded(pixels, "jpeg", quality)


def halved(source: Pixels) -> Pixels:
    """Half the width and half the height, of the whole of `source` but for an odd last line."""
    height, width = source.shape[0] // 2, source.shape[1] // 2
    paired = source[: 2 * height, : 2 * width]  # by whole factors it is fast; a line of thousands is not missed
    return np.asarray(cv2.resize(paired, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _encoded(pixels: Pixels, kind: PictureFormat, quality: int | None) -> EncodedImage:
    options = [] if quality is None else [_QUALITY_FLAGS[kind], quality]
    try:
        done, encoded = cv2.imencode(f".{kind}", pixels, options)
    except cv2.error as error:
        raise ValueError(f"a picture of shape {pixels.shape} can't be encoded as {kind}: {error}") from error
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} can't be encoded as {kind}")
    data = encoded.tobytes()
    return EncodedImage(data, f"image/{kind}", pixels.shape[1], pixels.shape[0], hashlib.sha256(data).hexdigest())


def _converted(parts: Planes, width: int, height: int) -> Pixels:
    """Those planes in that size, as BGR (height x width x 3)."""
    # The converter wants even edges: an odd picture gets a line of anything, which is cut off again.
    full_width, full_height = width + width % 2, height + height % 2
    i420 = np.empty((full_height * 3 // 2, full_width), dtype=np.uint8)
    _shrink(parts[0], i420[:height, :width])
    chroma = i420[full_height:].reshape(2, full_height // 2, full_width // 2)
    _shrink(parts[1], chroma[0])
    _shrink(parts[2], chroma[1])
    bgr = np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
    return bgr[:height, :width]


def _framed(bgr: Pixels, plan: Layout) -> Pixels:
    """The picture in the middle of its canvas, between black bars."""
    if (plan.canvas_width, plan.canvas_height) == (plan.width, plan.height):
        return bgr
    canvas = np.zeros((plan.canvas_height, plan.canvas_width, 3), dtype=np.uint8)
    left, top = (plan.canvas_width - plan.width) // 2, (plan.canvas_height - plan.height) // 2
    canvas[top : top + plan.height, left : left + plan.width] = bgr
    return canvas


def _shrink(source: Pixels, result: Pixels) -> None:
    """Fill `result` with the whole of `source`, which is as large or larger, without aliasing.

    OpenCV's area filter is exact but, at other than whole factors, takes two thirds of the time of an encode. Halving
    is nearly free, so: halve, bring to twice the size by interpolation (a step between 2/3 and 3/2), and halve again.
    """
    height, width = result.shape[:2]
    if source.shape[:2] == (height, width):
        result[...] = source
        return
    while source.shape[1] >= 3 * width and source.shape[0] >= 3 * height:
        source = halved(source)
    if source.shape[1] < 3 * width and source.shape[0] < 3 * height:
        double = cv2.resize(source, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
        cv2.resize(double, (width, height), dst=result, interpolation=cv2.INTER_AREA)
    else:  # one edge shrinks far more than the other
        cv2.resize(source, (width, height), dst=result, interpolation=cv2.INTER_AREA)
