"""What Gemini Live is sent of views, uploads and facts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from google.genai import types
from livekit.agents import Agent, AgentSession

from agent.floor import Floor
from agent.realtime.gemini_line import GeminiLine
from agent.uploads.message import upload_message
from agent.vision.card import card
from agent.vision.pictures import why_blind
from agent.vision.view import Blind, Shot, View
from tests.fakes import picture
from tests.unit.test_floor import FakeSession

MUTED = Blind("muted", "camera")


@dataclass
class FakeGemini:
    """A session at the other end."""

    sent: list[types.LiveClientContent | types.LiveClientRealtimeInput] = field(default_factory=list)
    session_resumption_handle: str | None = None
    connection: asyncio.Event = field(default_factory=asyncio.Event)
    told: dict[str, Callable[[Any], None]] = field(default_factory=dict)

    def send(self, event: types.LiveClientContent | types.LiveClientRealtimeInput) -> None:
        """Take it."""
        self.sent.append(event)

    async def connected(self) -> None:
        """When a test says so."""
        await self.connection.wait()

    def on(self, event: str, told: Callable[[Any], None]) -> None:
        """Remember whom to tell."""
        self.told[event] = told

    def anew(self, event: Any) -> None:
        """There is a new connection."""
        self.told["session_reconnected"](event)

    def answered(self, tokens: int) -> None:
        """An answer was made from so many."""
        self.told["metrics_collected"](SimpleNamespace(input_tokens=tokens))

    @property
    def frames(self) -> list[bytes | None]:
        """What was streamed."""
        events = [event for event in self.sent if isinstance(event, types.LiveClientRealtimeInput)]
        return [event.video.data for event in events if event.video]

    @property
    def contents(self) -> list[list[str]]:
        """The words of each content, a picture told by its type."""
        found = [event for event in self.sent if isinstance(event, types.LiveClientContent)]
        assert all(event.turn_complete is False for event in found)
        return [[_told(part) for turn in event.turns or () for part in turn.parts or ()] for event in found]


def _told(part: types.Part) -> str:
    return part.text or str(part.inline_data and part.inline_data.mime_type)


def line(gemini: FakeGemini, session: FakeSession | None = None) -> GeminiLine:
    """The line to it."""
    floor = Floor(cast("AgentSession[None]", session or FakeSession()))
    floor.register()
    gemini.connection.set()

    @dataclass
    class FakeAgent:
        realtime_llm_session: FakeGemini

    return GeminiLine(cast("Agent", FakeAgent(gemini)), floor, "auto")


def view(*, missing: tuple[Blind, ...] = ()) -> View:
    """A camera's picture."""
    return View((Shot(picture("scene"), "camera", 640, 480, 100.0, 0.0, 0.0),), missing)


async def test_view_streams_as_the_file_that_it_is() -> None:
    """Encoded once, and told by its digest."""
    gemini = FakeGemini()
    await line(gemini).view(view(), written=False)
    assert gemini.frames == [view().shots[0].image.data]
    assert gemini.contents == []


async def test_reason_for_no_picture_takes_its_place_in_the_stream() -> None:
    """So that the last view does not pass for the present, and no answer is cut off for it."""
    gemini = FakeGemini()
    await line(gemini).view(MUTED, written=False)
    await line(gemini).view(view(missing=(Blind("stale", "screen"),)), written=False)
    stale = "[No picture from the user's screen share: it has sent nothing for a while.]"
    assert gemini.frames == [card(why_blind(MUTED)).data, view().shots[0].image.data, card(stale).data]


async def test_written_turn_is_told_in_content() -> None:
    """Which is part of it for sure."""
    gemini = FakeGemini()
    for look in (view(), MUTED):
        await line(gemini).view(look, written=True)
    assert gemini.contents == [["[The user's camera now.]", "image/jpeg"], [why_blind(MUTED)]]
    assert gemini.frames == []


async def test_upload_cuts_off_no_answer() -> None:
    """It is sent when the answer is over."""
    gemini, session = FakeGemini(), FakeSession()
    to = line(gemini, session)
    session.agent("speaking")
    showing = asyncio.create_task(to.show(upload_message(picture("cat"), "1", caption="Mia.", at=1.0, detail="auto")))
    await asyncio.sleep(0)
    assert gemini.contents == []
    session.agent("listening")
    await showing
    assert gemini.contents == [["[Picture uploaded by the user] Mia.", "image/jpeg"]]


async def test_new_connection_is_told_what_it_does_not_remember() -> None:
    """It resumes from the last point that the provider gave: what came later is gone. What was taken out stays so."""
    gemini, told = FakeGemini(), asyncio.Event()
    to = line(gemini)
    to.on_anew(told.set)
    items = []
    for key, handle in (("a", None), ("b", "1"), ("c", "2"), ("d", "2")):
        gemini.session_resumption_handle = handle
        items.append(await to.show(upload_message(picture(key), key, caption=key, at=1.0, detail="auto")))
    to.take_out(items[2])
    gemini.sent.clear()
    gemini.anew(None)
    assert [content[0][-1] for content in gemini.contents] == ["d"]
    assert told.is_set()
    gemini.sent.clear()
    gemini.session_resumption_handle = None  # it could not be resumed
    gemini.anew(None)
    assert [content[0][-1] for content in gemini.contents] == ["a", "b", "d"]


async def test_upload_is_told_again_when_the_conversation_was_cut() -> None:
    """It may have gone with the older part, and stays for who sent it."""
    gemini = FakeGemini()
    to = line(gemini)
    to.on_anew(lambda: None)
    await to.show(upload_message(picture("cat"), "1", caption="Mia.", at=1.0, detail="auto"))
    gemini.sent.clear()
    for tokens in (30_000, 0, 31_000):
        gemini.answered(tokens)
    await asyncio.sleep(0)
    assert gemini.contents == []
    gemini.answered(16_000)
    await asyncio.sleep(0)
    assert gemini.contents == [["[Picture uploaded by the user] Mia.", "image/jpeg"]]
    await to.aclose()
