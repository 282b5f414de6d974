"""A picture that only who sees it can tell about."""

import secrets
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.vision.encode import encode_bgr
from agent.vision.encoded import EncodedImage

QUESTION: Final = "Which two colours does this picture show? Answer with their names only."

PALETTE: Final = {
    "red": (30, 30, 220),
    "green": (50, 160, 20),
    "blue": (220, 50, 20),
    "yellow": (20, 220, 250),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
"""Names that nobody disputes, with blue, green and red. Two of them are fifteen pairs: a guess is seldom right."""

_EDGE_PX: Final = 256
"""Larger than the patches that models look at, and a few hundred bytes all the same."""


@dataclass(frozen=True, slots=True)
class Riddle:
    """Two colours, the first on the left half.

    Attributes:
        colours: Names from the palette.
    """

    colours: tuple[str, str]

    @classmethod
    def new(cls) -> "Riddle":
        """Another one each time, so that no answer can be known before."""
        first, second = secrets.SystemRandom().sample(sorted(PALETTE), 2)
        return cls((first, second))

    def picture(self) -> EncodedImage:
        """As a model is sent it."""
        pixels = np.empty((_EDGE_PX, _EDGE_PX, 3), np.uint8)
        pixels[:, : _EDGE_PX // 2], pixels[:, _EDGE_PX // 2 :] = (PALETTE[colour] for colour in self.colours)
        return encode_bgr(pixels, quality=90)
