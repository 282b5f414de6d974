"""How the caller's video is read."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from livekit import rtc
from structlog.testing import capture_logs

from agent.vision.attention import Adaptive
from agent.vision.eye import Eye
from agent.vision.feed import VideoFeed
from agent.vision.frame import Frame
from agent.vision.sight import LiveSight
from agent.vision.view import View
from config.vision import VisionSettings
from tests.publishing import HEIGHT, WIDTH, Camera, Delivery, Person, following, reason, screen


class WatchedEye(Eye):
    """Tells of each frame that came; the first `bad` of them can't be taken."""

    bad = 0

    def __init__(self, eye: Eye, settings: VisionSettings):
        super().__init__(eye.wanted, settings, time.monotonic)
        self.came: asyncio.Queue[Frame] = asyncio.Queue()

    def put(self, frame: Frame) -> bool:
        self.came.put_nowait(frame)
        self.bad -= 1
        if self.bad >= 0:
            raise ValueError("a frame that can't be read")
        return super().put(frame)


class Watched(LiveSight):
    """Sight by such eyes."""

    def __init__(self, settings: VisionSettings | None = None):
        settings = settings or VisionSettings(look_timeout_ms=0)
        super().__init__(settings)
        self.watched = [WatchedEye(eye, settings) for eye in self.eyes]
        self.eyes = tuple(self.watched)


async def read(feed: VideoFeed, camera: Camera, eye: WatchedEye, *, at_us: int) -> Frame:
    """Look at what is published, take a picture and wait for it."""
    feed.refresh()
    await asyncio.sleep(0)  # the reader begins
    camera.take(at_us)
    async with asyncio.timeout(10):
        return await eye.came.get()


async def test_frames_of_the_callers_camera_reach_the_sight() -> None:
    """As they were taken, and only the chosen track is asked for."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        frame = await read(feed, camera, sight.watched[0], at_us=0)
        assert (frame.width, frame.height, frame.rotation) == (WIDTH, HEIGHT, 0)
        assert (frame.track_sid, frame.source) == ("TR_1", "camera")
        assert isinstance(await sight.look(), View)
        camera.muted = True
        feed.refresh()
        assert reason(await sight.look()) == "muted"
        assert feed._readers == {}
    assert camera.subscribed is True  # it may be back at any moment


async def test_one_bad_frame_does_not_end_the_reading() -> None:
    """The next one is seen, by the same reader."""
    camera, sight = Camera(), Watched()
    sight.watched[0].bad = 1
    async with following(sight, Person(camera)) as feed:
        with capture_logs() as logs:
            await read(feed, camera, sight.watched[0], at_us=0)
            reader = feed._readers["TR_1"]
            await read(feed, camera, sight.watched[0], at_us=40_000)
        assert feed._readers["TR_1"] is reader
        assert isinstance(await sight.look(), View)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["frame_not_read"]


async def test_reader_that_ended_is_replaced() -> None:
    """A stream may end though its track is still there: the camera must not stay dark for the rest of the call."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        await read(feed, camera, sight.watched[0], at_us=0)
        ended = feed._readers["TR_1"].task
        ended.cancel()
        await asyncio.wait([ended])
        frame = await read(feed, camera, sight.watched[0], at_us=40_000)
        assert frame.track_sid == "TR_1"
        assert feed._readers["TR_1"].task is not ended


async def test_track_that_was_subscribed_anew_is_read_anew() -> None:
    """It has the sid of the one before it, whose stream never sends anything again."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        await read(feed, camera, sight.watched[0], at_us=0)
        before = feed._readers["TR_1"]
        camera.renew()
        frame = await read(feed, camera, sight.watched[0], at_us=40_000)
        assert frame.track_sid == "TR_1"
        assert feed._readers["TR_1"].track is camera.track
        async with asyncio.timeout(10):
            await asyncio.wait([before.task])
        assert before.task.cancelled()


async def test_track_that_is_gone_for_now_is_not_read() -> None:
    """The subscription has been given up or not been answered yet."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        track, camera.track = camera.track, cast("rtc.LocalVideoTrack", None)
        feed.refresh()
        assert feed._readers == {}
        camera.track = track
        await read(feed, camera, sight.watched[0], at_us=0)
        camera.track = cast("rtc.LocalVideoTrack", None)
        feed.refresh()
        assert feed._readers == {}


async def test_only_what_is_looked_at_is_delivered() -> None:
    """One eye sees the screen as long as it is shared, and the camera before and after, which stays subscribed."""
    camera, shared = Camera(), screen()
    person, asked = Person(camera), Delivery()
    async with following(Watched(), person, asked) as feed:
        feed.refresh()
        assert list(feed._readers) == ["TR_1"]
        person.track_publications["TR_2"] = shared
        feed.refresh()
        assert (camera.subscribed, shared.subscribed, list(feed._readers)) == (True, True, ["TR_2"])
        assert asked == [("TR_1", False)]
        del person.track_publications["TR_2"]
        feed.refresh()
        assert (camera.asked, shared.asked, list(feed._readers)) == ([True], [True], ["TR_1"])
        assert asked == [("TR_1", False), ("TR_1", True)]


async def test_sound_that_calls_itself_a_camera_is_none() -> None:
    """The source is the publisher's word; the real camera is seen beside it."""
    camera, liar = Camera(), Camera("TR_9")
    liar.kind = rtc.TrackKind.KIND_AUDIO
    sight = Watched()
    async with following(sight, Person(camera, liar)) as feed:
        await read(feed, camera, sight.watched[0], at_us=0)
        assert isinstance(await sight.look(), View)
    assert liar.asked == []


async def test_track_that_can_not_be_read_is_tried_once() -> None:
    """Another try would fail as well; a new track of the same publication is read."""
    camera, sight = Camera(), Watched()
    real = camera.track
    camera.track = rtc.LocalAudioTrack.create_audio_track("none", rtc.AudioSource(48_000, 1))  # type: ignore[assignment]
    async with following(sight, Person(camera)) as feed:
        with capture_logs() as logs:
            feed.refresh()
            for _ in range(3):
                await asyncio.sleep(0)
                feed.refresh()
        camera.track = real
        await read(feed, camera, sight.watched[0], at_us=0)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["track_not_read"]


async def test_subscription_that_fails_stops_nothing() -> None:
    """The next look at the room tries again, and the other tracks go on."""
    camera, shared = Camera(), screen()
    asked = shared.set_subscribed

    def fails(subscribed: bool) -> None:  # noqa: FBT001 - LiveKit's signature
        asked(subscribed)
        raise AssertionError("the handle is gone")

    shared.set_subscribed = fails  # type: ignore[method-assign]
    async with following(Watched(), Person(shared, camera)) as feed:
        with capture_logs() as logs:
            feed.refresh()
    assert camera.subscribed is True
    assert "video_subscription_failed" in [entry["event"] for entry in logs]


async def test_two_eyes_read_two_tracks() -> None:
    """Each its own, at the same time."""
    camera, shared = Camera(), screen()
    sight = Watched(VisionSettings(source="both", look_timeout_ms=0))
    on_screen, on_camera = sight.watched
    async with following(sight, Person(camera, shared)) as feed:
        assert (await read(feed, camera, on_camera, at_us=0)).source == "camera"
        assert (await read(feed, shared, on_screen, at_us=0)).source == "screen"
        assert on_camera.came.empty()
        look = await sight.look()
        assert isinstance(look, View)
        assert [shot.source for shot in look.shots] == ["screen", "camera"]
        shared.muted = True
        feed.refresh()
        assert (camera.subscribed, shared.subscribed, list(feed._readers)) == (True, True, ["TR_1"])
        look = await sight.look()
        assert isinstance(look, View)
        assert look.source == "camera"
        assert [(blind.reason, blind.source) for blind in look.missing] == [("muted", "screen")]


async def test_nothing_is_read_any_more_after_the_call() -> None:
    """Every stream is closed, and a request has nobody to turn to."""
    camera, shared = Camera(), screen()
    sight = Watched(VisionSettings(source="both", look_timeout_ms=0))
    async with following(sight, Person(camera, shared)) as feed:
        feed.refresh()
        readers = list(feed._readers.values())
    assert len(readers) == 2
    assert all(reader.task.done() for reader in readers)
    assert feed._readers == {}
    sight.on_look()
    assert feed._readers == {}


async def test_nobody_linked_is_not_the_same_as_nothing_shared() -> None:
    """Until the caller is linked a request waits for them; one who has left shares nothing."""
    linked: list[Person] = []
    sight = LiveSight(VisionSettings(look_timeout_ms=5000))
    who = cast("Callable[[], rtc.RemoteParticipant | None]", lambda: linked[0] if linked else None)
    feed = VideoFeed(rtc.Room(), sight, who)
    feed.refresh()
    looking = asyncio.create_task(sight.look())
    await asyncio.sleep(0)
    assert not looking.done()
    linked.append(Person())
    feed.refresh()
    async with asyncio.timeout(2):
        assert reason(await looking) == "none"
    linked.clear()
    feed.refresh()
    async with asyncio.timeout(2):
        assert reason(await sight.look()) == "none"
    await feed.aclose()


async def test_blank_frame_is_not_the_fresh_one_that_a_silence_waits_for() -> None:
    """It comes when a pause begins or ends; only a view tells the attention that a frame was seen."""
    camera = Camera()
    sight = Watched(VisionSettings(attention="adaptive", look_timeout_ms=0))
    async with following(sight, Person(camera)) as feed:
        sight.attention.agent("listening")
        feed.refresh()
        await asyncio.sleep(0)  # the reader begins
        seen = []
        for number, luma in enumerate((0, 128)):
            camera.take(40_000 * number, luma=luma)
            async with asyncio.timeout(10):
                await sight.watched[0].came.get()
            assert isinstance(sight.attention, Adaptive)
            seen.append(sight.attention._floor.seen_at > 0)
        assert seen == [False, True]


async def test_attention_that_never_ceases_asks_the_server_for_nothing() -> None:
    """What is subscribed is delivered."""
    asked = Delivery()
    sight = Watched()
    async with following(sight, Person(Camera()), asked) as feed:
        sight.attention.agent("listening")
        for _ in range(3):
            feed.refresh()
            await sight.look()
    assert asked == []
