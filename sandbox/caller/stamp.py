"""The moment a picture was drawn, as black and white blocks inside the picture.

16 x 3 blocks hold 32 bits of unix milliseconds and a 16-bit checksum, row by row, most significant bit first.
They lie at the same place of every frame in relative terms, so scaling does not matter, and the reader
tries the four right angles, so turning does not matter either.
"""

import binascii
import time

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

COLUMNS = 16
ROWS = 3
LEFT, RIGHT, TOP, BOTTOM = 0.05, 0.95, 0.65, 0.95
"""The grid's edges as shares of the frame's width and height."""

_PERIOD_MS = 2**32
_MIN_CONTRAST = 80
"""Grey levels between the darkest and the brightest block; anything flatter is no stamp."""


def draw_stamp(picture: Pixels, now: float) -> None:
    """Draw `now` into a picture, in place.

    Args:
        picture: RGB, height x width x 3, uint8.
        now: unix seconds; kept to the millisecond.
    """
    left, right, top, bottom = _edges(*picture.shape[:2])
    blocks = encode(now).reshape(ROWS, COLUMNS) * np.uint8(255)
    grid = cv2.resize(blocks, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    picture[top:bottom, left:right] = cv2.cvtColor(grid, cv2.COLOR_GRAY2RGB)


def read_stamp(picture: Pixels, near: float | None = None) -> float | None:
    """Give the moment at which a picture was drawn, in unix seconds.

    Args:
        picture: RGB, height x width x 3, uint8, as drawn or turned by a multiple of 90 degrees, of any size
            from about 160 x 90.
        near: unix seconds the moment lies closest to (a stamp repeats after 49 days); the present by default.

    Returns:
        None if there is no stamp, or its checksum does not hold.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    for quarter_turns in range(4):
        milliseconds = decode(_bits(np.ascontiguousarray(np.rot90(grey, quarter_turns))))
        if milliseconds is not None:
            return resolve(milliseconds, time.time() if near is None else near)
    return None


def encode(now: float) -> Pixels:
    """Give the 48 bits (uint8, 0 or 1) for a moment in unix seconds."""
    moment = (round(now * 1000) % _PERIOD_MS).to_bytes(4, "big")
    checked = moment + binascii.crc_hqx(moment, 0xFFFF).to_bytes(2, "big")
    return np.unpackbits(np.frombuffer(checked, np.uint8))


def decode(bits: Pixels | None) -> int | None:
    """Give the milliseconds in 48 bits, or None where the checksum does not hold."""
    if bits is None:
        return None
    checked = np.packbits(bits).tobytes()
    if binascii.crc_hqx(checked[:4], 0xFFFF) != int.from_bytes(checked[4:], "big"):
        return None
    return int.from_bytes(checked[:4], "big")


def resolve(milliseconds: int, near: float) -> float:
    """Give the unix seconds closest to `near` whose milliseconds, modulo the stamp's period, are these."""
    present = round(near * 1000)
    half = _PERIOD_MS // 2
    return (present + (milliseconds - present + half) % _PERIOD_MS - half) / 1000


def _edges(height: int, width: int) -> tuple[int, int, int, int]:
    return round(LEFT * width), round(RIGHT * width), round(TOP * height), round(BOTTOM * height)


def _bits(grey: Pixels) -> Pixels | None:
    left, right, top, bottom = _edges(*grey.shape[:2])
    if right - left < COLUMNS or bottom - top < ROWS:
        return None
    # Four samples a side and block, of which the inner four count: edges bleed after scaling and compression.
    samples = cv2.resize(grey[top:bottom, left:right], (COLUMNS * 4, ROWS * 4), interpolation=cv2.INTER_AREA).reshape(
        ROWS, 4, COLUMNS, 4
    )
    levels = samples[:, 1:3, :, 1:3].mean(axis=(1, 3)).ravel()
    darkest, brightest = levels.min(), levels.max()
    if brightest - darkest < _MIN_CONTRAST:
        return None
    return np.asarray(levels > (darkest + brightest) / 2, np.uint8)
