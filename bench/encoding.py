"""`python -m bench.encoding`: what a view costs to encode, against the framework's own way, side by side.

Both make the same picture of the same frame: I420 as decoded, fitted into 1024x1024, JPEG of quality 75, one thread.
"""

import io
import statistics
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
from livekit import rtc
from livekit.agents.utils.images import EncodeOptions, ResizeOptions, encode
from numpy.typing import NDArray
from PIL import Image

from agent.vision.encode import encode_frame
from agent.vision.frame import Frame
from agent.vision.target import Target

SIZES = {"1280x720": (1280, 720), "1920x1080": (1920, 1080), "3840x2160": (3840, 2160)}
EDGE_PX = 1024
QUALITY = 75
REPEATS = 25
LARGEST_ERROR = 2.0
"""Levels, on average over all pixels, by which the two pictures may differ: they resize by different filters."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        label: The frame's size.
        stock_ms: Median of the framework's `encode`.
        ours_ms: Median of `encode_frame`, data URL included.
        error: Levels by which the two pictures differ, on average.
    """

    label: str
    stock_ms: float
    ours_ms: float
    error: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.stock_ms / self.ours_ms


def measure(repeats: int = REPEATS) -> list[Row]:
    """Compare for each size of frame. The two take turns, so that whatever else the machine does, it does to both.

    Raises:
        ValueError: If the two pictures are not the same: then their times would not compare.
    """
    return [_compared(label, *size, repeats) for label, size in SIZES.items()]


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        f"| {row.label} | {row.stock_ms:.1f} | {row.ours_ms:.1f} | {row.ratio:.1f} | {row.error:.2f} |" for row in rows
    ]
    head = ["| frame | framework, ms | ours, ms | times as fast | mean difference, levels |", f"|{' --- |' * 5}"]
    return "\n".join([*head, *lines]) + "\n"


def _compared(label: str, width: int, height: int, repeats: int) -> Row:
    i420 = _scene(width, height)
    frame = Frame(i420, width, height, 0, "TR_1", "camera", 0.0)
    video = rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, i420.tobytes())
    target = Target(EDGE_PX, EDGE_PX, "scale_aspect_fit", "jpeg", QUALITY, 10_000_000)
    options = EncodeOptions("JPEG", ResizeOptions(EDGE_PX, EDGE_PX, "scale_aspect_fit"), QUALITY)
    error = _difference(encode(video, options), encode_frame(frame, target).data)
    stock_ms, ours_ms = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        encode(video, options)
        between = time.perf_counter()
        _ = encode_frame(frame, target).data_url
        ended = time.perf_counter()
        stock_ms.append((between - started) * 1000)
        ours_ms.append((ended - between) * 1000)
    return Row(label, statistics.median(stock_ms), statistics.median(ours_ms), error)


def _scene(width: int, height: int) -> NDArray[np.uint8]:
    """Something like a camera's view, as I420: soft shapes of all sizes, edges, and a sensor's noise."""
    dice = np.random.default_rng(1)
    picture = np.zeros((height, width, 3))
    for edge in (width // 3, width // 12, width // 48):
        coarse = dice.uniform(-60, 60, (height // edge + 2, width // edge + 2, 3))
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += 128 + dice.normal(0, 3, picture.shape)
    for _ in range(40):
        x, y = (int(dice.integers(0, edge)) for edge in (width, height))
        colour = dice.integers(0, 256, 3).tolist()
        cv2.rectangle(picture, (x, y), (x + width // 20, y + height // 15), colour, thickness=-1)
    bgr = np.clip(picture, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8).reshape(-1)


def _difference(stock: bytes, ours: bytes) -> float:
    theirs, mine = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(np.int64) for data in (stock, ours))
    if theirs.shape != mine.shape:
        raise ValueError(f"ours is {mine.shape}, the framework's {theirs.shape}")
    error = float(np.abs(theirs - mine).mean())
    if error > LARGEST_ERROR:
        raise ValueError(f"the pictures differ by {error:.2f} levels on average, at most {LARGEST_ERROR}")
    return error


if __name__ == "__main__":
    sys.stdout.write(table(measure()))
