"""A line of words as a picture, for a model that takes pictures alone."""

import functools
import textwrap
from typing import Final

import cv2
import numpy as np

from agent.vision.encode import encode_bgr
from agent.vision.encoded import EncodedImage

WIDTH_PX: Final = 640
HEIGHT_PX: Final = 360
_GREY: Final = 64
_WHITE: Final = (255, 255, 255)
_LINE_CHARACTERS: Final = 32
_LINE_PX: Final = 44
_SCALE: Final = 1.0
_QUALITY: Final = 90


@functools.lru_cache(maxsize=32)
def card(words: str) -> EncodedImage:
    """White words on grey, as JPEG; `words` are ASCII, and few. Some two milliseconds, once for each line."""
    pixels = np.full((HEIGHT_PX, WIDTH_PX, 3), _GREY, np.uint8)
    lines = textwrap.wrap(words, _LINE_CHARACTERS)
    top = (HEIGHT_PX - _LINE_PX * len(lines)) // 2 + _LINE_PX * 3 // 4
    for number, line in enumerate(lines):
        at = (24, top + number * _LINE_PX)
        cv2.putText(pixels, line, at, cv2.FONT_HERSHEY_SIMPLEX, _SCALE, _WHITE, 2, cv2.LINE_AA)
    return encode_bgr(pixels, quality=_QUALITY)
