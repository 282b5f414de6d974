"""Names for the main colours of a picture."""

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""RGB, height x width x 3, uint8."""

SMALLEST_SHARE = 0.08
"""A colour on less of the picture than this is not worth a word."""

MAX_NAMES = 3

# Upper end of each hue on OpenCV's scale, where 180 is the full circle.
_HUES = (
    (7, "red"),
    (21, "orange"),
    (34, "yellow"),
    (84, "green"),
    (97, "turquoise"),
    (129, "blue"),
    (148, "purple"),
    (168, "pink"),
    (180, "red"),
)


def brightness(pixels: Pixels) -> float:
    """Mean brightness, 0 (black) to 255 (white)."""
    return float(cv2.cvtColor(_small(pixels), cv2.COLOR_RGB2GRAY).mean())


def main_colours(pixels: Pixels) -> tuple[str, ...]:
    """Up to three names, the largest area first."""
    hsv = cv2.cvtColor(_small(pixels), cv2.COLOR_RGB2HSV).reshape(-1, 3)
    names = [name_of(int(h), int(s), int(v)) for h, s, v in hsv]
    shares = {name: names.count(name) / len(names) for name in set(names)}
    by_share = sorted(shares, key=lambda name: (-shares[name], name))
    return tuple(name for name in by_share if shares[name] >= SMALLEST_SHARE)[:MAX_NAMES]


def name_of(hue: int, saturation: int, value: int) -> str:
    """The plain English name of one colour: hue 0-179, saturation and value 0-255."""
    if value < 45:
        return "black"
    if saturation < 45:
        return "white" if value > 190 else "grey"
    name = next(name for limit, name in _HUES if hue < limit)
    if name == "orange" and value < 160:
        return "brown"
    return name


def _small(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)
