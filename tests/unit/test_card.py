"""A line of words as a picture."""

import cv2
import numpy as np
import pytest

from agent.vision.card import HEIGHT_PX, WIDTH_PX, card
from agent.vision.pictures import why_blind, why_missing
from agent.vision.view import Blind, View


@pytest.mark.parametrize("reason", ["muted", "stale", "failed", "none"])
@pytest.mark.parametrize("source", ["camera", "screen"])
def test_every_reason_fits_on_its_card(reason: str, source: str) -> None:
    """Nothing reaches its edge."""
    blind = Blind(reason, source)  # type: ignore[arg-type]
    lines = [why_blind(blind), *(why_missing(View((), (blind,))) if reason != "none" else [])]
    for line in lines:
        assert line.isascii()
        image = card(line)
        pixels = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert pixels is not None
        assert pixels.shape == (HEIGHT_PX, WIDTH_PX) == (image.height, image.width)
        bright = np.argwhere(pixels > 160)
        assert len(bright) > 500
        assert bright.min(axis=0).min() >= 10
        assert bright[:, 0].max() < HEIGHT_PX - 10
        assert bright[:, 1].max() < WIDTH_PX - 10


def test_same_words_make_the_same_file() -> None:
    """And others another."""
    assert card("[One.]").sha256 == card("[One.]").sha256 != card("[Two.]").sha256
