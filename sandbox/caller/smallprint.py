"""Letters too small for a reduced picture, and large enough for a look at full resolution."""

from typing import ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandbox.caller.still import Still

LETTERS_PX = 10
"""Font size. Measured with the sandbox's eyes on JPEGs of quality 75, on random words of digits and capitals: reduced
from 1920 to 1024 pixels' width they read none of 40 at 9, 10 and 11, but 8 of 20 at 12; at full size they read 40 of
40 at 9, 10 and 11, and 19 of 20 at 8. VP8 changes nothing at 9 and 10."""

_FINER = 4
"""Letters are drawn so many times as large and reduced: drawn at once, their outlines would be fitted to whole pixels,
and a 6 and a 0 would look alike."""

_SPACE = "  "
"""Between words so small, one space is not seen as such."""


class SmallPrint(Still):
    """A large heading, and in the middle of the top right quarter words in capitals about 7 pixels high.

    The letters are of the same size in every picture, so a picture smaller than `SIZE` makes them easier to read.
    Words that the quarter can't hold in one line raise ValueError.
    """

    SIZE: ClassVar = (1920, 1080)
    """Usual width and height, in pixels."""

    def __init__(self, words: str, width: int = SIZE[0], height: int = SIZE[1], *, heading: str = "LABEL") -> None:
        picture = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(picture)
        draw.text(
            (width / 2, height * 0.7), heading, fill="black", font=ImageFont.load_default(height / 4), anchor="mm"
        )
        line = _line(_SPACE.join(words.split()))
        if line.width > width // 2:
            raise ValueError(f"small print of {line.width} pixels' width, allowed: {width // 2}")
        picture.paste(line, (width * 3 // 4 - line.width // 2, height // 4 - line.height // 2))
        super().__init__(np.asarray(picture, np.uint8))


def _line(words: str) -> Image.Image:
    font = ImageFont.load_default(LETTERS_PX * _FINER)
    width = (int(font.getlength(words)) // _FINER + 4) * _FINER
    fine = Image.new("RGB", (width, LETTERS_PX * 2 * _FINER), "white")
    ImageDraw.Draw(fine).text((width / 2, fine.height / 2), words, fill="black", font=font, anchor="mm")
    return fine.reduce(_FINER)
