"""How the stand-in for Gemini Live reads its client."""

from collections import Counter
from typing import Any

import pytest

from sandbox.control.entries import SeenImage, SeenMessage, ToolCall
from sandbox.realtime.conversation import Item
from sandbox.realtime.gemini_content import instructions_in, plainly, read_result
from sandbox.realtime.gemini_response import spread, usage
from sandbox.realtime.gemini_setup import read_setup
from sandbox.realtime.gemini_wire import camel
from sandbox.realtime.window import LIMIT, Compression

OLD, NEW = "models/gemini-2.5-flash-native-audio-preview-12-2025", "models/gemini-3.8-live"
TOOLS = [{"functionDeclarations": [{"name": "a"}, {"name": "b", "behavior": "BLOCKING"}]}]


def said(text: str, role: str = "user") -> Item:
    """A turn of words."""
    return Item("", "message", role, text)


def test_models_differ_in_what_they_do_unless_told() -> None:
    """The newer ones see all video, and wait for no tool."""
    old, new = (read_setup({"model": model, "tools": TOOLS}) for model in (OLD, NEW))
    assert (old.model, old.all_video, old.patient) == (OLD.removeprefix("models/"), False, frozenset())
    assert (new.model, new.all_video, new.patient) == ("gemini-3.8-live", True, frozenset("a"))


@pytest.mark.parametrize(
    ("heard", "manual", "silence_ms", "interrupts", "all_video"),
    [
        ({}, False, 500, True, True),
        ({"automaticActivityDetection": {"disabled": True}}, True, 500, True, True),
        ({"automaticActivityDetection": {"silenceDurationMs": 300}}, False, 300, True, True),
        ({"activityHandling": "NO_INTERRUPTION"}, False, 500, False, True),
        ({"turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"}, False, 500, True, False),
        ({"turnCoverage": "TURN_INCLUDES_ALL_INPUT"}, False, 500, True, True),
        ({"turnCoverage": "TURN_COVERAGE_UNSPECIFIED"}, False, 500, True, True),
    ],
)
def test_input_is_taken_as_it_was_asked_for(
    heard: dict[str, Any],
    manual: bool,  # noqa: FBT001 - a parameter of pytest's
    silence_ms: int,
    interrupts: bool,  # noqa: FBT001
    all_video: bool,  # noqa: FBT001
) -> None:
    """And otherwise as by default."""
    setup = read_setup({"model": NEW, "realtimeInputConfig": heard})
    assert (setup.manual, setup.silence_ms, setup.interrupts, setup.all_video) == (
        manual,
        silence_ms,
        interrupts,
        all_video,
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, None),
        ({"contextWindowCompression": {}}, Compression(LIMIT * 8 // 10, LIMIT * 4 // 10)),
        ({"contextWindowCompression": {"triggerTokens": "1000"}}, Compression(1_000, 500)),
        (
            {"contextWindowCompression": {"triggerTokens": 1_000, "slidingWindow": {"targetTokens": 100}}},
            Compression(1_000, 100),
        ),
    ],
)
def test_compression_is_as_it_was_asked_for(data: dict[str, Any], expected: Compression | None) -> None:
    """Large numbers are texts in this JSON."""
    assert read_setup({"model": NEW, **data}).compression == expected


def test_transcriptions_and_handles_come_to_those_who_ask() -> None:
    """By an object, which may be empty."""
    plain = read_setup({"model": NEW})
    asked = {"inputAudioTranscription": {}, "outputAudioTranscription": {}, "sessionResumption": {"handle": "h"}}
    all_of_it = read_setup({"model": NEW, **asked})
    assert (plain.tells_heard, plain.tells_said, plain.resumes, plain.handle) == (False, False, False, "")
    assert (all_of_it.tells_heard, all_of_it.tells_said, all_of_it.resumes, all_of_it.handle) == (True, True, True, "h")


def test_instructions_for_an_answer_are_found_among_the_turns() -> None:
    """Marked in a user's turn, or in a model's turn before a full stop."""
    marked = said("<instructions>\nSay it\nword for word: Hi.\n</instructions>")
    assert instructions_in([said("Hello."), marked]) == "Say it\nword for word: Hi."
    assert instructions_in([said("Greet.", "assistant"), said(".")]) == "Greet."
    for turns in ([], [said(".")], [marked, said("Hello.")], [said("Greet.", "assistant")], [said("a"), said(".")]):
        assert instructions_in(turns) == ""


def test_instructions_and_full_stops_are_nobodys_question() -> None:
    """So that the question before them is answered."""
    picture = SeenImage("a", 1, 1, 1, "image/jpeg", "")
    question, shown = SeenMessage("user", "What is this?"), SeenMessage("user", ".", [picture])
    marked = SeenMessage("user", "<instructions>\nBe brief.\n</instructions>")
    stops = [SeenMessage("user", "."), SeenMessage("assistant", ".")]
    plain = plainly([question, marked, *stops, shown])
    assert plain == [question, SeenMessage("system", "Be brief."), stops[1], shown]


def test_result_is_what_the_client_says_it_is() -> None:
    """Under whatever name."""
    call = ToolCall("look", id="1")
    for response in ({"output": "done"}, {"result": "done"}, {"error": "done"}):
        assert read_result({"response": response}, call, "").text == "done"
    assert read_result({"response": {"seen": 1}}, call, "").text == '{"seen": 1}'


def test_keys_of_the_clients_own_stay_as_they_are() -> None:
    """Only the protocol's are written in one way."""
    data = {"function_calls": [{"tool_args": 1, "args": {"a_b": 1}}], "parameters": {"a_b": {}}, "timeLeft": "1s"}
    assert camel(data) == {
        "functionCalls": [{"toolArgs": 1, "args": {"a_b": 1}}],
        "parameters": {"a_b": {}},
        "timeLeft": "1s",
    }


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_words_are_spread_over_the_sound(count: int) -> None:
    """None is lost, and none is cut in two."""
    text = "one two  three four five six "
    parts = spread(text, count)
    assert (len(parts), "".join(parts)) == (count, text)
    assert spread("one two three four", 2) == ["one two", " three four"]


def test_usage_names_what_there_was() -> None:
    """In all, and by kind."""
    told = usage(Counter({"TEXT": 3, "IMAGE": 258, "AUDIO": 0}), Counter({"AUDIO": 32}))
    assert (told["promptTokenCount"], told["responseTokenCount"], told["totalTokenCount"]) == (261, 32, 293)
    assert [detail["modality"] for detail in told["promptTokensDetails"]] == ["TEXT", "IMAGE"]
