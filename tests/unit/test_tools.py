"""The tools by which the model looks closer, or back."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents.llm import FunctionTool
from livekit.agents.llm.utils import build_legacy_openai_schema

from agent.vision.album import Album
from agent.vision.tools import sight_tools
from agent.vision.view import Blind, View
from config.vision import VisionSettings
from tests.fakes import data_url, view
from tests.talk import Talk, lines, pictures, said


class Desk(Talk):
    """A conversation whose model has both tools."""

    def __init__(self, **options: int):
        super().__init__(**options)
        self.album = Album(max_turns=3, max_bytes=1000)
        settings = VisionSettings(look_tool=True, recall_tool=True)
        self.tools = named(settings, self)

    async def call(self, name: str, **arguments: object) -> str:
        """What the tool tells the model, when the newest reply calls it."""
        context = SimpleNamespace(speech_handle=SimpleNamespace(id=self.reply))
        receipt = await self.tools[name](context, **arguments)
        assert isinstance(receipt, str)
        return receipt

    async def question(self) -> None:
        """A question in history, for which the model was asked once."""
        message = said("What does it say?")
        await self.request(message)
        self.history.items.append(message)


def named(settings: VisionSettings, desk: Desk) -> dict[str, FunctionTool[Any, Any]]:
    """The tools that these settings offer, by name."""
    tools = sight_tools(settings, desk.sight, desk.memory, desk.album)
    return {tool.info.name: tool for tool in tools if isinstance(tool, FunctionTool)}


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        (VisionSettings(), []),
        (VisionSettings(look_tool=True), ["look"]),
        (VisionSettings(recall_tool=True), ["recall"]),
        (VisionSettings(look_tool=True, recall_tool=True), ["look", "recall"]),
        (VisionSettings(source="both", look_tool=True, recall_tool=True), ["look", "recall"]),
        (VisionSettings(source="off", look_tool=True, recall_tool=True), []),
    ],
)
def test_only_tools_that_are_switched_on_are_offered(settings: VisionSettings, offered: list[str]) -> None:
    """And none where there is nothing to see."""
    assert list(named(settings, Desk())) == offered


def test_model_is_told_what_it_may_ask_for() -> None:
    """Both arguments have a default, the regions are named, and what is not the model's business is not told."""
    schemas = {name: build_legacy_openai_schema(tool)["function"] for name, tool in Desk().tools.items()}
    look, recall = schemas["look"]["parameters"], schemas["recall"]["parameters"]
    assert list(look["properties"]) == ["region"]
    assert list(recall["properties"]) == ["turns_ago"]
    assert recall["properties"]["turns_ago"]["default"] == 1
    assert "required" not in look
    assert "required" not in recall
    [regions] = [option["enum"] for option in look["properties"]["region"]["anyOf"] if "enum" in option]
    assert len(regions) == 9
    assert all(schema["description"] and "context" not in schema["description"] for schema in schemas.values())


async def test_look_brings_a_fresh_picture_with_the_next_request() -> None:
    """A tool's result is words: the picture comes after it."""
    desk = Desk()
    await desk.question()
    receipt = await desk.call("look")
    sent = await desk.request(*desk.tool("look"), again=desk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("camera 2")]
    assert lines(sent) == ["[The user's camera, at 22:13:22 UTC.]"]
    assert receipt == (
        "Seen: the user's camera at 22:13:22 UTC, 640x360 pixels. The picture came with the next message."
    )


async def test_look_at_a_region_brings_that_part() -> None:
    """Of the picture that the model has: no fresh one is taken."""
    desk = Desk()
    await desk.question()
    receipt = await desk.call("look", region="top left")
    sent = await desk.request(*desk.tool("look"), again=desk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("camera top left")]
    assert lines(sent) == ["[The user's camera, top left, in full resolution, at 22:13:20 UTC.]"]
    assert "the top left of the user's camera at 22:13:20 UTC" in receipt


async def test_look_with_two_eyes_brings_both() -> None:
    """And the receipt names both, in their order."""
    desk = Desk()
    await desk.question()
    desk.sight.show("screen", "camera")
    receipt = await desk.call("look")
    sent = await desk.request(*desk.tool("look"), again=desk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("screen 2"), data_url("camera 2")]
    assert receipt.index("the user's screen") < receipt.index(" and the user's camera")


@pytest.mark.parametrize("arguments", [{}, {"region": "center"}])
async def test_blind_look_says_why_and_brings_nothing(arguments: dict[str, str]) -> None:
    """In words that stay true: they are read again when something can be seen."""
    desk = Desk()
    await desk.question()
    desk.sight.blind(Blind("muted", "camera"))
    receipt = await desk.call("look", **arguments)
    assert receipt == "There was nothing to see: the user's camera is muted."
    assert pictures(await desk.request(*desk.tool("look"), again=desk.reply)) == [data_url("camera 1")]


async def test_recall_brings_the_picture_of_an_earlier_turn() -> None:
    """Dated, so that it is not taken for what is shown now; without a number it is the turn before."""
    desk = Desk()
    for number in (1, 2):
        desk.album.add(view(f"turn {number}", taken_at=1_700_000_000 + 60 * number))
    await desk.question()
    receipts = [await desk.call("recall", turns_ago=2), await desk.call("recall")]
    sent = await desk.request(*desk.tool("recall"), again=desk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("turn 1"), data_url("turn 2")]
    assert lines(sent) == ["[The user's camera, at 22:14:20 UTC.]", "[The user's camera, at 22:15:20 UTC.]"]
    assert ["22:14:20" in receipts[0], "22:15:20" in receipts[1]] == [True, True]


@pytest.mark.parametrize("turns_ago", [-1, 0, 3, 1000])
async def test_recall_of_what_is_not_kept_says_what_is(turns_ago: int) -> None:
    """The model may ask for anything."""
    desk = Desk()
    desk.album.add(view("one"))
    desk.album.add(view("two"))
    await desk.question()
    receipt = await desk.call("recall", turns_ago=turns_ago)
    assert receipt == f"Nothing is kept of {turns_ago} turns ago: 2 earlier turns are kept."
    assert pictures(await desk.request(*desk.tool("recall"), again=desk.reply)) == [data_url("camera 1")]


@pytest.mark.parametrize("blind", [Blind("muted", "camera"), Blind("none"), Blind("refused", "camera"), Blind("off")])
async def test_recall_of_a_blind_turn_says_nothing_about_the_present(blind: Blind) -> None:
    """That the camera was muted then does not mean that nothing can be seen now; and some reasons have no words."""
    desk = Desk()
    desk.album.add(blind)
    await desk.question()
    assert await desk.call("recall") == "There was no picture at that turn."
    assert pictures(await desk.request(*desk.tool("recall"), again=desk.reply)) == [data_url("camera 1")]


async def test_receipt_stays_true() -> None:
    """It stands in every later request, where the picture is gone: it is dated, and promises nothing."""
    desk = Desk()
    desk.album.add(view("earlier"))
    await desk.question()
    for name, arguments in (("look", {}), ("look", {"region": "top"}), ("recall", {})):
        receipt = await desk.call(name, **arguments)
        await desk.request(again=desk.reply)
        assert re.search(r" at \d\d:\d\d:\d\d UTC, 640x360 pixels\.", receipt)
        assert receipt.startswith("Seen: ")
        assert not re.search(r"\b(now|here|is|will|below)\b", receipt)


async def test_picture_rides_on_the_reply_that_asked_for_it() -> None:
    """Another reply that is under way is not shown it."""
    desk = Desk()
    await desk.question()
    await desk.call("look")
    asked = desk.reply
    assert pictures(await desk.request()) == [data_url("camera 3")]
    assert pictures(await desk.request(again=asked))[-1] == data_url("camera 2")
    shown = desk.shown(asked)
    assert isinstance(shown.look, View)
    assert [shot.image for shot in shown.looks] == [view("camera 2").shots[0].image]
