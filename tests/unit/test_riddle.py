"""The picture that shows whether a model sees."""

import io
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from agent.ops.riddle import PALETTE, QUESTION, Riddle
from agent.ops.verdict import judge_answer
from sandbox.llm.brain import Notes, answer, needs_sight
from sandbox.llm.colours import brightness, main_colours
from sandbox.llm.eyes import View


@pytest.mark.parametrize("colour", PALETTE)
def test_picture_shows_its_colours(colour: str) -> None:
    """The first on the left, after the way through the encoder."""
    other = "white" if colour == "black" else "black"
    picture = Riddle((colour, other)).picture()
    with Image.open(io.BytesIO(picture.data)) as image:
        for x, name in ((0.25, colour), (0.75, other)):
            shown = image.getpixel((int(x * image.width), image.height // 2))
            assert isinstance(shown, tuple)
            assert shown[:3][::-1] == pytest.approx(PALETTE[name], abs=6)


def test_picture_is_small() -> None:
    """The doctor's request costs next to nothing."""
    assert max(len(Riddle(("red", other)).picture().data) for other in ("green", "blue", "white")) < 5_000


def test_riddles_differ() -> None:
    """Two colours, never the same twice, and not always the same two."""
    riddles = {Riddle.new().colours for _ in range(200)}
    assert len(riddles) > 10
    assert all(first != second for first, second in riddles)


def test_question_is_one_that_needs_sight() -> None:
    """So that the stand-in looks, as a real model would."""
    assert needs_sight(QUESTION)
    assert not any(colour in QUESTION.lower() for colour in PALETTE)


@pytest.mark.parametrize("colours", list(permutations(PALETTE, 2)), ids="-".join)
def test_stand_in_solves_every_riddle(colours: tuple[str, str]) -> None:
    """What fails on the sandbox would be the doctor's fault."""
    with Image.open(io.BytesIO(Riddle(colours).picture().data)) as image:
        pixels = np.asarray(image.convert("RGB"), np.uint8)
    view = View((), main_colours(pixels), brightness(pixels), (), 256, 256)
    assert judge_answer(answer(QUESTION, view, Notes()), colours, PALETTE)
