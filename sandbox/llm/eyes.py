"""Looking at a picture: its words, colours, brightness and codes, on this machine."""

import asyncio
import io
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from sandbox.llm.colours import Pixels, brightness, main_colours
from sandbox.llm.spacing import Grey, respaced, word_gaps

Box = list[list[float]]
"""Four corners, each x and y in pixels."""

MAX_EDGE_PX = 1_600
"""Larger pictures are looked at in this size: reading costs time with every pixel."""

MAX_VIEWS = 32


@dataclass(frozen=True)
class View:
    """What a picture shows."""

    text_lines: tuple[str, ...]
    """Top to bottom."""
    colours: tuple[str, ...]
    """Names, the largest area first."""
    brightness: float
    """0 (black) to 255 (white)."""
    qr: tuple[str, ...]
    """Contents of the QR codes."""
    width: int
    height: int


class Eyes:
    """Looks at one picture at a time, in a thread of its own."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="eyes")
        self._reader: Any = None
        # A speculation and the request that replaces it show the same picture. Drops the oldest.
        self._views: OrderedDict[str, View] = OrderedDict()

    async def load(self) -> None:
        """Load the models from their installed package, about a second.

        Raises:
            ImportError: The sandbox extra is not installed.
        """
        await asyncio.get_running_loop().run_in_executor(self._worker, self._load)

    async def look(self, picture: bytes, sha256: str) -> View:
        """What `picture` shows, an encoded image that has been checked before."""
        if sha256 not in self._views:
            view = await asyncio.get_running_loop().run_in_executor(self._worker, self._look, picture)
            self._views[sha256] = view
            while len(self._views) > MAX_VIEWS:
                self._views.popitem(last=False)
        return self._views[sha256]

    def close(self) -> None:
        """Drop what is still waiting and end the thread."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _load(self) -> None:
        from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415  # heavy, and not needed in exact mode

        self._reader = RapidOCR(intra_op_num_threads=2)
        self._reader(np.full((96, 256, 3), 255, np.uint8))

    def _look(self, picture: bytes) -> View:
        with Image.open(io.BytesIO(picture)) as image:
            width, height = image.size
            image.draft("RGB", (MAX_EDGE_PX, MAX_EDGE_PX))
            image.thumbnail((MAX_EDGE_PX, MAX_EDGE_PX))
            pixels: Pixels = np.asarray(image.convert("RGB"), np.uint8)
        return View(
            text_lines=self._read(pixels),
            colours=main_colours(pixels),
            brightness=brightness(pixels),
            qr=read_codes(pixels),
            width=width,
            height=height,
        )

    def _read(self, pixels: Pixels) -> tuple[str, ...]:
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        found, _ = self._reader(bgr, use_cls=False, return_word_box=True)
        grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        return tuple(_spaced(grey, box, text, boxes, characters) for box, text, _, boxes, characters, _ in found or [])


def _spaced(grey: Grey, box: Box, text: str, boxes: list[Box], characters: list[str]) -> str:
    """One line as it was read, with the spaces that were overlooked."""
    if "".join(characters) != text:
        return text.strip()
    left, top = np.min(box, axis=0).astype(int)
    right, bottom = np.max(box, axis=0).astype(int)
    centres = [float(np.mean([x for x, _ in corners])) - left for corners in boxes]
    return respaced(characters, centres, word_gaps(grey[top:bottom, left:right]))


def read_codes(pixels: Pixels) -> tuple[str, ...]:
    """Contents of the QR codes in the picture."""
    # The plain detector misses many codes when asked for several; this one found all that were tried.
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found, contents, _, _ = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(grey)
    return tuple(content for content in contents if content) if found else ()
