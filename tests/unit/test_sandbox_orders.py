"""Scripts, modes and faults: what may be ordered, and who meets it."""

from typing import Any

import pytest

from sandbox.control.faults import MAX_ORDERS, Fault, Faults
from sandbox.control.orders import BadOrder
from sandbox.control.script import MAX_LINES, Line, Mode, Script, spoken_part


def test_lines_are_heard_in_order() -> None:
    """First in, first out; an empty script says so."""
    script = Script(Mode())
    script.add(Line("One?"))
    script.add(Line("Two?"))
    assert [script.peek(), script.heard(), script.heard(), script.heard()] == ["One?", "One?", "Two?", None]


def test_a_scripted_answer_survives_a_speculation() -> None:
    """Every request that asks the sentence gets its answer, with what a worker adds to it."""
    script = Script(Mode())
    script.add(Line("What number?", "Answer seven."))
    assert script.answer("What number?", 1) is None
    script.heard()
    assert script.answer("What number?", 2) == "Answer seven."
    assert script.answer("What number?\n[camera: muted]", 3) == "Answer seven."


def test_answers_are_numbered_by_default() -> None:
    """A scripted sentence without an answer, and in exact mode any sentence, is answered by its number."""
    script = Script(Mode())
    script.add(Line("Typed?", typed=True))
    assert script.heard() is None
    assert script.answer("Typed?", 7) == "Answer 7."
    assert script.answer("Something else", 8) is None
    assert Script(Mode(exact=True)).answer("Anything", 9) == "Answer 9."


def test_a_repeated_sentence_gets_its_latest_answer() -> None:
    """The line that was heard last counts."""
    script = Script(Mode())
    script.add(Line("Again?", "First."))
    script.add(Line("Again?", "Second."))
    script.heard()
    assert script.answer("Again?", 1) == "First."
    script.heard()
    assert script.answer("Again?", 2) == "Second."


def test_a_script_is_bounded() -> None:
    """A test that never speaks is told so."""
    script = Script(Mode())
    for _ in range(MAX_LINES):
        script.add(Line("x"))
    with pytest.raises(BadOrder, match=r"1,000 lines are waiting"):
        script.add(Line("x"))
    assert script.clear() == MAX_LINES


def test_bracketed_lines_are_not_spoken() -> None:
    """Only whole lines in brackets go."""
    assert spoken_part("[note]\nWhat [is] this?\n[camera: muted]\n") == "What [is] this?"


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"provider": "tss", "kind": "hang"}, "provider is 'tss', allowed: llm, stt, tts"),
        ({"provider": "llm"}, "kind is None, allowed: error, hang, drop, slow, refuse_image, cut"),
        ({"provider": "llm", "kind": "hang", "count": 0}, "count is 0, it must be a whole number from 1 to 1,000"),
        ({"provider": "llm", "kind": "error", "status": True}, "status is True"),
        ({"provider": "tts", "kind": "refuse_image"}, "only llm can refuse_image"),
        ({"provider": "llm", "kind": "hang", "delay": 1}, "unknown key 'delay', allowed: count, delay_ms"),
    ],
)
def test_bad_faults_are_refused(order: dict[str, Any], message: str) -> None:
    """The sentence says what was found and what is allowed."""
    with pytest.raises(BadOrder) as caught:
        Fault.from_json(order)
    assert message in str(caught.value)


@pytest.mark.parametrize("order", [{}, {"hear": ""}, {"hear": 3}, {"hear": "x", "typed": "yes"}, {"here": "x"}])
def test_bad_lines_are_refused(order: dict[str, Any]) -> None:
    """A line needs a text to hear, and nothing unknown."""
    with pytest.raises(BadOrder):
        Line.from_json(order)


def test_a_mode_changes_where_it_is_told() -> None:
    """The rest stays; nonsense is refused."""
    mode = Mode(exact=True, llm_first_token_ms=10).changed({"tts_first_sound_ms": 5})
    assert mode == Mode(exact=True, llm_first_token_ms=10, tts_first_sound_ms=5)
    with pytest.raises(BadOrder):
        mode.changed({"llm_first_token_ms": -1})


def test_faults_are_met_in_order_and_counted() -> None:
    """Each provider has its own queue, and a handler takes only kinds that it can carry out."""
    faults = Faults()
    faults.order(Fault("llm", "refuse_image"))
    faults.order(Fault("llm", "slow", count=2))
    faults.order(Fault("tts", "hang"))
    assert faults.take("stt") is None
    met = [faults.take("llm", ("slow",)), faults.take("llm"), faults.take("llm"), faults.take("llm")]
    assert [fault and fault.kind for fault in met] == ["slow", "refuse_image", "slow", None]
    assert [fault.provider for fault in faults.waiting()] == ["tts"]
    faults.clear()
    assert faults.take("tts") is None


def test_a_fault_for_one_vendor_is_met_by_no_other() -> None:
    """So a fallback can be seen to take over."""
    faults = Faults()
    faults.order(Fault("tts", "error", vendor="cartesia"))
    assert faults.take("tts", vendor="openai") is None
    assert faults.take("tts", vendor="cartesia") is not None


def test_faults_are_bounded() -> None:
    """A runaway loop is told so."""
    faults = Faults()
    for _ in range(MAX_ORDERS):
        faults.order(Fault("llm", "hang"))
    with pytest.raises(BadOrder):
        faults.order(Fault("llm", "hang"))
