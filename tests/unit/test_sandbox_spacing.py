"""Spaces that were overlooked are put back where a line has a wide gap."""

import numpy as np
import pytest

from sandbox.llm.spacing import Grey, respaced, word_gaps


def line(gaps: list[int], *, dark: bool = True) -> Grey:
    """Letters like an L, 10 pixels wide and 20 high, with gaps between them."""
    pixels = np.full((24, 12 * (len(gaps) + 1) + sum(gaps)), 255, np.uint8)
    left = 1
    for gap in [*gaps, 0]:
        pixels[2:22, left : left + 2] = 0
        pixels[20:22, left : left + 10] = 0
        left += 10 + gap
    return pixels if dark else 255 - pixels


@pytest.mark.parametrize("dark", [True, False])
def test_only_wide_gaps_part_words(dark: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Dark on light or light on dark."""
    assert word_gaps(line([3, 3, 12, 3], dark=dark)) == [pytest.approx(43, abs=1)]
    assert word_gaps(line([3, 3, 3], dark=dark)) == []
    assert word_gaps(line([], dark=dark)) == []


@pytest.mark.parametrize(
    ("text", "gaps", "expected"),
    [
        ("AB", [15.0], "A B"),
        ("ABCD", [], "ABCD"),
        ("AB CD", [25.0], "AB CD"),
        ("AB CD", [28.0, 45.0], "AB CD"),
        ("ABCDEF", [15.0, 45.0], "A BCD EF"),
        ("R11", [15.0, 25.0], "R 11"),
        ("", [], ""),
    ],
)
def test_spaces_go_where_there_are_none(text: str, gaps: list[float], expected: str) -> None:
    """A space that was read stands for the gap next to it; numbers stay whole."""
    centres = [10.0 * place + 10 for place in range(len(text))]
    assert respaced(list(text), centres, gaps) == expected
