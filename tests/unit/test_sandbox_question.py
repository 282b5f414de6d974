"""Which words a request asks, and which picture goes with them, where tools come in between."""

import pytest

from sandbox.control.entries import SeenImage, SeenMessage, ToolCall
from sandbox.llm.brain import Notes, answer
from sandbox.llm.eyes import View
from sandbox.llm.question import question_of

SMALL_PRINT = View(("4711",), ("white",), 250.0, (), 960, 540)


def image(name: str) -> SeenImage:
    """A picture that can be told from others."""
    return SeenImage(name, 1, 8, 8, "image/jpeg", "low")


def user(text: str, *images: str) -> SeenMessage:
    """Words and pictures of a user."""
    return SeenMessage("user", text, [image(name) for name in images])


def called(name: str, number: str = "call_1") -> SeenMessage:
    """A call for a tool."""
    return SeenMessage("assistant", "", tool_calls=[ToolCall(name, {}, number)])


def result(text: str, number: str = "call_1") -> SeenMessage:
    """What became of it."""
    return SeenMessage("tool", text, tool_call_id=number)


ASKED = user("What does the small print say?", "camera")
CLOSER = user("[The user's camera, top right, in full resolution.]", "closer")


def test_the_tools_picture_answers_the_question_before_it() -> None:
    """The words are those before the call, the picture is the one after its result."""
    question = question_of([ASKED, called("look"), result("Shown below."), CLOSER])
    assert (question.text, question.picture) == ("What does the small print say?", image("closer"))
    assert question.called == {"look"}
    assert answer(question.text, SMALL_PRINT, question.notes) == "It says: 4711."


def test_a_picture_of_the_past_is_about_sight_whatever_the_words() -> None:
    """The tool was asked for a picture, so the answer is about one."""
    question = question_of([user("And before?"), called("recall"), result("Shown below."), CLOSER])
    assert answer(question.text, SMALL_PRINT, question.notes) == "I see mostly white. It says: 4711."


def test_a_tool_that_brings_no_picture_is_quoted() -> None:
    """The picture of the question is not what was asked for."""
    question = question_of([ASKED, called("look"), result("[The camera is off.]")])
    assert question.picture is None
    assert answer(question.text, None, question.notes) == "I tried to look, but could not: The camera is off."
    silent = question_of([ASKED, called("look"), result("")])
    assert answer(silent.text, None, silent.notes) == "I tried to look, but could not: it brought no picture."


def test_the_result_of_the_newest_call_counts() -> None:
    """After two tools, the picture of the second."""
    first = [ASKED, called("look"), result("Shown below."), CLOSER]
    second = [called("recall", "call_2"), result("Shown below.", "call_2"), user("[Earlier.]", "past")]
    question = question_of([*first, *second])
    assert question.picture == image("past")
    assert question.called == {"look", "recall"}
    assert question_of([*first, second[0], result("Nothing.", "call_2")]).notes.failure == "Nothing."


def test_the_next_question_starts_anew() -> None:
    """Calls and pictures of an earlier question are its own."""
    past = [ASKED, called("look"), result("Shown below."), CLOSER, SeenMessage("assistant", "It says: 4711.")]
    question = question_of([*past, user("And now?", "fresh")])
    assert (question.text, question.picture, question.called) == ("And now?", image("fresh"), frozenset())


def test_a_picture_after_an_answer_asks_nothing() -> None:
    """A reply that nobody asked for still sees, and repeats no earlier question."""
    question = question_of([ASKED, SeenMessage("assistant", "No."), user("[The user's camera now.]", "now")])
    assert (question.text, question.picture) == ("", image("now"))


def test_words_before_a_call_are_no_answer() -> None:
    """A model may say that it looks while it asks for the picture."""
    looking = SeenMessage("assistant", "Let me look.", tool_calls=[ToolCall("look", {}, "call_1")])
    question = question_of([ASKED, looking, result("Shown below."), CLOSER])
    assert question.text == "What does the small print say?"


@pytest.mark.parametrize("after", [[], [user("[The user's camera now.]", "camera")]])
def test_a_captioned_upload_is_about_itself(after: list[SeenMessage]) -> None:
    """Not about an earlier upload, and not about the camera behind it."""
    earlier = [user("[Picture uploaded by the user] my dog", "dog"), SeenMessage("assistant", "Nice.")]
    question = question_of([*earlier, user("[Picture uploaded by the user] What is this?", "cat"), *after])
    assert question.picture == image("cat")
    assert question.notes == Notes(upload=True)
