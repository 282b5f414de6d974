"""When the stand-in model asks for a tool, and with what."""

from typing import Any

import pytest

from sandbox.control.entries import ToolCall
from sandbox.llm.tools import choose, region_in

BOTH = ("look", "recall")


@pytest.mark.parametrize(
    ("question", "region"),
    [
        ("What does the small print say?", None),
        ("Can you read the small text at the bottom?", "bottom"),
        ("Read the fine print in the bottom left corner, please.", "bottom left"),
        ("What is the tiny number in the middle?", "center"),
        ("What is the number in the top right corner?", "top right"),
        ("What does it say in the upper left-hand corner?", "top left"),
        ("What is written on the right side?", "right"),
        ("What is the serial number?", None),
        ("Read the little letters on the left.", "left"),
    ],
)
def test_small_letters_are_looked_at_closely(question: str, region: str | None) -> None:
    """With the part of the picture that the question names."""
    assert choose(question, BOTH) == ToolCall("look", {"region": region})


@pytest.mark.parametrize(
    ("question", "turns_ago"),
    [
        ("What did the sign say before?", 1),
        ("What was on the card earlier?", 1),
        ("What colour was it a moment ago?", 1),
        ("What was the previous number?", 1),
        ("What did you see last time?", 1),
        ("What did I show you two questions ago?", 2),
        ("What was the small print 3 turns ago?", 3),
        ("What was it zero turns ago, or 0 turns ago?", 1),
    ],
)
def test_the_past_is_recalled(question: str, turns_ago: int) -> None:
    """As far back as the question counts, else one turn."""
    assert choose(question, BOTH) == ToolCall("recall", {"turns_ago": turns_ago})


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Hello!",
        "What does the sign say?",
        "What number is shown right now?",
        "What do you see on the left?",
        "What is left?",
        "What colour is it in the middle?",
        "What does the small print in the picture I sent say?",
    ],
)
def test_other_questions_need_no_tool(question: str) -> None:
    """Plain sight, small talk, and pictures that no camera took."""
    assert choose(question, BOTH) is None


@pytest.mark.parametrize("offered", [(), ("recall",), ("weather",)])
def test_a_tool_that_is_not_offered_is_not_called(offered: tuple[str, ...]) -> None:
    """The question is then answered from the picture that is there."""
    assert choose("What does the small print say?", offered) is None


@pytest.mark.parametrize(
    ("offered", "call"),
    [
        (("look",), ToolCall("look", {"region": None})),
        (("recall", "look"), ToolCall("recall", {"turns_ago": 1})),
        (("weather",), ToolCall("weather")),
        ((), None),
    ],
)
def test_a_call_that_is_required_is_made(offered: tuple[str, ...], call: ToolCall | None) -> None:
    """Whatever the question is, where anything is offered."""
    assert choose("Hello!", offered, must=True) == call


@pytest.mark.parametrize(
    "region", ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
)
def test_every_region_can_be_named(region: str) -> None:
    """In the tool's own words."""
    assert region_in(f"look in the {region} please") == region


@pytest.mark.parametrize("words", ["on the right now", "right, what is it", "the topmost", "left over"])
def test_other_uses_of_the_words_name_no_region(words: str) -> None:
    """Right is not always a side."""
    found: Any = region_in(words)
    assert found is None
