"""Spaces that a reader of characters leaves out, put back where the line has a wide gap."""

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
"""One line of text: height x width, uint8."""

GAP_TO_HEIGHT = 0.24
"""A gap between words is at least this wide, as a share of the height of the line,"""

GAP_TO_OTHERS = 1.8
"""this many times as wide as the usual gap between letters,"""

GAP_TO_WIDEST = 0.7
"""and not much narrower than the widest gap in the line."""


def word_gaps(line: Grey) -> list[float]:
    """Centres of the gaps between words, in pixels from the left."""
    _, white = cv2.threshold(line, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    # Letters cover less than the ground they stand on, whichever of the two is the dark one.
    ink = white if white.mean() < 0.5 else 1 - white
    inked = np.flatnonzero(ink.any(axis=0))
    ends = np.flatnonzero(np.diff(inked) > 1)
    gaps = [(int(inked[end]) + 1, int(inked[end + 1])) for end in ends]
    if not gaps:
        return []
    widths = [stop - start for start, stop in gaps]
    least = max(GAP_TO_HEIGHT * line.shape[0], GAP_TO_OTHERS * float(np.median(widths)), GAP_TO_WIDEST * max(widths))
    return [(start + stop) / 2 for start, stop in gaps if stop - start >= least]


def respaced(characters: list[str], centres: list[float], gaps: list[float]) -> str:
    """The line with a space in each gap that has none.

    Args:
        characters: One each, left to right, spaces among them.
        centres: Where each character is, in pixels from the left.
        gaps: Where words are apart, in the same pixels.
    """
    pitch = (centres[-1] - centres[0]) / max(1, len(centres) - 1) if centres else 0.0
    spaces = [centre for character, centre in zip(characters, centres, strict=True) if character == " "]
    # The reader's positions are rough: a space that it saw stands for the nearest gap.
    missing = [gap for gap in gaps if all(abs(gap - space) > 1.5 * pitch for space in spaces)]
    text = ""
    for place, character in enumerate(characters):
        crossed = place and any(centres[place - 1] < gap <= centres[place] for gap in missing)
        # Two ones are as far apart as two words: a number stays whole.
        number = text[-1:].isdigit() and character.isdigit()
        text += f" {character}" if crossed and not number else character
    return " ".join(text.split())
