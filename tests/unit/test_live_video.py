"""What a live model is sent, and what is taken out again."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from livekit.agents import AgentSession
from livekit.agents.llm import ChatMessage

from agent.floor import Floor
from agent.realtime.gallery import LiveGallery
from agent.realtime.line import messages
from agent.realtime.pacing import Pacing
from agent.realtime.video import REMINDER_S, LiveVideo, aged
from agent.uploads.decoder import Picture
from agent.uploads.intake import Upload
from agent.uploads.message import upload_message
from agent.vision.pictures import images
from agent.vision.region import Region
from agent.vision.view import Blind, Look, Shot, View
from tests.fakes import picture


@dataclass
class FakeLine:
    """A conversation at the other end."""

    held: dict[str, ChatMessage] = field(default_factory=dict)
    shown: int = 0
    streams: bool = False
    answers_late: bool = False
    written: list[Look] = field(default_factory=list)
    gone: bool = False

    async def view(self, look: Look, *, written: bool) -> Sequence[str] | None:
        """Show it in the words and pictures of the pipeline, if there is a connection."""
        if self.gone:
            return None
        self.written += [look] * written
        return [await self.show(message) for message in messages(look, "auto")]

    async def show(self, message: ChatMessage) -> str:
        """Hold it under a number."""
        self.shown += 1
        self.held[str(self.shown)] = message
        return str(self.shown)

    def take_out(self, item: str) -> None:
        """What is not there can't be taken out."""
        del self.held[item]

    async def aclose(self) -> None:
        """Nothing is under way."""

    def on_anew(self, told: Callable[[], None]) -> None:
        """Nobody connects."""

    @property
    def words(self) -> list[str]:
        """What the held messages say."""
        return [message.text_content or "" for message in self.held.values()]

    @property
    def pictures(self) -> int:
        """Pictures held."""
        return sum(len(images(message)) for message in self.held.values())


@dataclass
class FakeSight:
    """Shows what a test wants."""

    now: Look = field(default_factory=lambda: Blind("starting", "camera"))
    looks: int = 0

    async def look(self) -> Look:
        """That."""
        self.looks += 1
        return self.now

    async def zoom(self, region: Region) -> Look:
        """Nobody asks."""
        raise NotImplementedError(region)

    def status(self) -> str:
        """Nobody asks."""
        return ""


def view(name: str, *, source: str = "camera", fingerprint: bytes = b"") -> View:
    """One picture."""
    shot = Shot(picture(name), "screen" if source == "screen" else "camera", 640, 480, 100.0, 0.0, 0.0)
    return View((replace(shot, fingerprint=fingerprint or name.encode().ljust(8, b"\0")),))


def video(
    sight: FakeSight, line: FakeLine, *, max_views: int = 1, clock: Callable[[], float] = lambda: 0.0
) -> LiveVideo:
    """One that nobody paces."""
    return LiveVideo(sight, line, Pacing(fps_speaking=1, fps_silent=0), max_views=max_views, clock=clock)


@dataclass
class FakeFloor:
    """Nobody speaks."""

    user_state: str = "listening"
    agent_state: str = "listening"


async def test_newest_view_replaces_the_one_before() -> None:
    """The model holds one, however many were sent."""
    sight, line = FakeSight(), FakeLine()
    live = video(sight, line)
    for number in range(5):
        sight.now = view(f"scene {number}" * 3, fingerprint=bytes([number * 40] * 8))
        await live.refresh()
    assert (line.shown, line.pictures, list(line.held)) == (5, 1, ["5"])
    assert live.look is sight.now
    assert (live.sent_images, live.sent_bytes > 0) == (5, True)


async def test_as_many_views_stay_as_are_wanted() -> None:
    """The oldest goes."""
    sight, line = FakeSight(), FakeLine()
    live = video(sight, line, max_views=3)
    for number in range(5):
        sight.now = view("scene", fingerprint=bytes([number * 40] * 8))
        await live.refresh()
    assert list(line.held) == ["3", "4", "5"]


async def test_unchanged_scene_is_not_sent_again() -> None:
    """And the evidence says which view was not sent."""
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line)
    await live.refresh()
    first = sight.now
    sight.now = view("scene")
    await live.refresh()
    assert line.shown == 1
    assert (live.look, live.unsent) == (first, sight.now)


async def test_unchanged_scene_is_shown_again_before_it_is_forgotten() -> None:
    """What is oldest in a long conversation goes, and the picture of a still scene may be that."""
    now = 0.0
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line, clock=lambda: now)
    await live.refresh()
    now = REMINDER_S - 1
    await live.refresh()
    assert line.shown == 1
    now = REMINDER_S
    await live.refresh()
    assert (line.shown, line.pictures) == (2, 1)


@pytest.mark.parametrize("now", [view("scene"), Blind("muted", "camera")])
async def test_written_turn_has_its_own_view_where_views_are_a_stream(now: Look) -> None:
    """Though the scene is the same: of the stream it may be given nothing."""
    sight, line = FakeSight(now), FakeLine(streams=True)
    live = video(sight, line)
    await live.refresh()
    await live.refresh(written=True)
    assert (line.shown, line.written) == (2, [now])
    line.streams = False
    await live.refresh(written=True)
    assert line.shown == 2


@pytest.mark.parametrize("reason", ["muted", "none", "stale", "failed"])
async def test_model_is_told_once_why_there_is_no_picture(reason: str) -> None:
    """And keeps none that would pass for the present."""
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line)
    await live.refresh()
    sight.now = Blind(reason, "camera")  # type: ignore[arg-type]
    for _ in range(3):
        await live.refresh()
    assert (line.shown, line.pictures) == (2, 0)
    assert line.words[0].startswith("[No picture")
    sight.now = view("scene")
    await live.refresh()
    assert (line.shown, line.pictures, len(line.held)) == (3, 1, 1)


async def test_picture_on_its_way_leaves_the_last_one_of_its_source() -> None:
    """A pause of ours is no change of scene; another source is."""
    sight, line = FakeSight(view("desk", source="screen")), FakeLine()
    live = video(sight, line)
    await live.refresh()
    sight.now = Blind("late", "screen")
    await live.refresh()
    assert line.pictures == 1
    sight.now = Blind("starting", "camera")
    await live.refresh()
    assert (line.held, live.look) == ({}, Blind("starting", "camera"))


async def test_sight_that_is_off_says_nothing() -> None:
    """Nobody asked for it."""
    sight, line = FakeSight(Blind("off")), FakeLine()
    await video(sight, line).refresh()
    assert line.shown == 0


async def test_nothing_old_stays_after_a_new_connection() -> None:
    """What was sent again is taken out, and a fresh view sent, though the scene has not changed."""
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line)
    live.start()
    async with asyncio.timeout(10):
        while line.shown < 1:  # noqa: ASYNC110 - the video tells nobody
            await asyncio.sleep(0)
        live.anew()
        while line.shown < 2:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0)
    await live.aclose()
    assert list(line.held) == ["2"]


async def test_view_that_nobody_was_there_to_see_was_not_shown() -> None:
    """It is not taken for the model's, and is looked for again soon, though the scene has not changed."""
    sight, line = FakeSight(view("scene")), FakeLine(gone=True)
    live = video(sight, line, clock=time.monotonic)
    await live.refresh()
    assert (live.look, live.sent_images) == (Blind("late"), 0)
    line.gone = False
    live.start()
    async with asyncio.timeout(10):
        while not line.shown:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    await live.aclose()
    assert live.look is sight.now


async def test_model_is_told_of_a_second_source_that_fails() -> None:
    """Though the first one shows the same."""
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line)
    await live.refresh()
    sight.now = replace(view("scene"), missing=(Blind("muted", "screen"),))
    await live.refresh()
    await live.refresh()
    assert (line.shown, line.pictures) == (2, 1)
    assert "screen share" in line.words[0]


async def test_stream_is_told_of_a_source_that_has_only_just_come_on() -> None:
    """The view of another one would pass for the present."""
    sight, line = FakeSight(view("face")), FakeLine(streams=True)
    live = video(sight, line)
    await live.refresh()
    sight.now = Blind("starting", "screen")
    await live.refresh()
    await live.refresh()
    assert line.shown == 2
    assert "just come on" in line.words[-1]


async def test_look_that_fails_costs_no_answer() -> None:
    """The turn is answered from what there is."""
    sight = FakeSight(view("scene"))
    sight.look = broken  # type: ignore[method-assign]
    await video(sight, FakeLine()).show_now(written=True)


async def test_speech_is_seen_at_once() -> None:
    """Though nothing is due in silence."""
    sight, line = FakeSight(view("scene")), FakeLine()
    live = video(sight, line)
    live.start()
    async with asyncio.timeout(10):
        for looks, speaking in ((1, True), (2, False)):
            while sight.looks < looks:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0)
            live.speaking(speaking)
        while sight.looks < 3:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0)
    await live.aclose()


async def test_look_of_somebody_else_counts() -> None:
    """A picture that a written turn was given puts off the next one: two of them would be held at its answer."""
    now = 0.0
    sight, line = FakeSight(view("scene")), FakeLine()
    live = LiveVideo(sight, line, Pacing(fps_speaking=1, fps_silent=50), max_views=1, clock=lambda: now)
    live.start()
    async with asyncio.timeout(10):
        while sight.looks < 1:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0)
        now = 0.015
        await live.refresh(written=True)
        await asyncio.sleep(0.03)  # the timer of the first look
    assert sight.looks == 2
    await live.aclose()


async def test_look_that_fails_is_followed_by_another() -> None:
    """One bad moment does not blind the model for good."""
    sight, line = FakeSight(view("scene")), FakeLine()
    good, sight.look = sight.look, broken  # type: ignore[method-assign]
    live = video(sight, line)
    live.start()
    await asyncio.sleep(0)
    sight.look = good  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        while not line.shown:
            live.speaking(True)
            live.speaking(False)
            await asyncio.sleep(0)
    await live.aclose()


async def broken() -> Look:
    """A look that fails."""
    raise RuntimeError("no")


def test_age_is_that_of_the_moment() -> None:
    """However long ago the view was sent."""
    look = aged(view("scene"), 103.5)
    assert isinstance(look, View)
    assert look.shots[0].age_ms == 3500
    assert aged(Blind("muted"), 1.0) == Blind("muted")


def gallery(line: FakeLine) -> LiveGallery:
    """One with room for two."""
    made = LiveGallery(
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        line,
        is_caller=lambda _: True,
        detail="auto",
        max_uploads=2,
        floor=Floor(cast("AgentSession[None]", FakeFloor())),
        answer=lambda: None,
    )
    made.open()
    return made


async def test_uploads_stay_as_long_as_there_is_room() -> None:
    """The oldest leaves with its words."""
    line = FakeLine()
    shown = gallery(line)
    for key in "abc":
        await shown.put(upload_message(picture(key), key, caption=key, at=1.0, detail="auto"))
    assert shown.held == ("b", "c")
    assert line.pictures == 2


async def test_sender_does_not_wait_for_the_line() -> None:
    """Uploads that it holds back are shown in their order, and count as shown only then."""
    line = SlowLine()
    shown = gallery(line)
    for key in "ab":
        await shown.add(Upload(key, "ada", Picture(picture(key), "PNG"), key, reply=False))
    assert not shown.held
    line.free.set()
    async with asyncio.timeout(10):
        while shown.held != ("a", "b"):  # noqa: ASYNC110 - the gallery tells nobody
            await asyncio.sleep(0)
    await shown.aclose()


@dataclass
class SlowLine(FakeLine):
    """Holds messages back."""

    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def show(self, message: ChatMessage) -> str:
        """When it is free."""
        await self.free.wait()
        return await super().show(message)
