"""How the caller's video is read: over real tracks that nobody has published, in a room that nobody has joined."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from livekit import rtc
from structlog.testing import capture_logs

from agent.vision.feed import VideoFeed
from agent.vision.frame import Frame
from agent.vision.sight import Blind, LiveSight, Look, View
from config.groups import VisionSettings

WIDTH, HEIGHT = 64, 48


class Camera:
    """A published camera as the feed sees it; its pictures are ours to take."""

    def __init__(self) -> None:
        self.sid = "TR_1"
        self.source = rtc.TrackSource.SOURCE_CAMERA
        self.muted = False
        self.subscribed = False
        self._video = rtc.VideoSource(WIDTH, HEIGHT)
        self.track: rtc.LocalVideoTrack = rtc.LocalVideoTrack.create_video_track("camera", self._video)

    def set_subscribed(self, subscribed: bool) -> None:  # noqa: FBT001 - LiveKit's signature
        """At once."""
        self.subscribed = subscribed

    def take(self, at_us: int) -> None:
        """One grey picture."""
        grey = bytes([128]) * (WIDTH * HEIGHT * 3 // 2)
        self._video.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, grey), timestamp_us=at_us)


class Person:
    """Who is linked, and what they publish."""

    def __init__(self, *cameras: Camera):
        self.track_publications = {camera.sid: camera for camera in cameras}


class Watched(LiveSight):
    """Tells of each frame that came; the first `bad` of them can't be taken."""

    def __init__(self, bad: int = 0):
        super().__init__(VisionSettings(look_timeout_ms=0))
        self.came: asyncio.Queue[Frame] = asyncio.Queue()
        self.bad = bad

    def put(self, frame: Frame) -> None:
        self.came.put_nowait(frame)
        self.bad -= 1
        if self.bad >= 0:
            raise ValueError("a frame that can't be read")
        super().put(frame)


@asynccontextmanager
async def following(sight: LiveSight, person: Person | None) -> AsyncIterator[VideoFeed]:
    """A feed that follows a person; `None` while nobody is linked."""
    feed = VideoFeed(rtc.Room(), sight, "auto", lambda: cast("rtc.RemoteParticipant | None", person))
    feed.register()
    try:
        yield feed
    finally:
        await feed.aclose()


async def read(feed: VideoFeed, camera: Camera, sight: Watched, *, at_us: int) -> Frame:
    """Look at what is published, take a picture and wait for it."""
    feed.refresh()
    await asyncio.sleep(0)  # the reader begins
    camera.take(at_us)
    async with asyncio.timeout(10):
        return await sight.came.get()


async def test_frames_of_the_callers_camera_reach_the_sight() -> None:
    """As they were taken, and only the chosen track is asked for."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        frame = await read(feed, camera, sight, at_us=0)
        assert (frame.width, frame.height, frame.rotation) == (WIDTH, HEIGHT, 0)
        assert (frame.track_sid, frame.source) == ("TR_1", "camera")
        assert isinstance(await sight.look(), View)
        camera.muted = True
        feed.refresh()
        assert reason(await sight.look()) == "muted"
    assert camera.subscribed is False


async def test_one_bad_frame_does_not_end_the_reading() -> None:
    """The next one is seen, by the same reader."""
    camera, sight = Camera(), Watched(bad=1)
    async with following(sight, Person(camera)) as feed:
        with capture_logs() as logs:
            await read(feed, camera, sight, at_us=0)
            reader = feed._reader
            await read(feed, camera, sight, at_us=40_000)
        assert feed._reader is reader
        assert isinstance(await sight.look(), View)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["frame_not_read"]


async def test_reader_that_ended_is_replaced() -> None:
    """A stream may end though its track is still there: the camera must not stay dark for the rest of the call."""
    camera, sight = Camera(), Watched()
    async with following(sight, Person(camera)) as feed:
        await read(feed, camera, sight, at_us=0)
        assert feed._reader is not None
        _, ended = feed._reader
        ended.cancel()
        await asyncio.wait([ended])
        frame = await read(feed, camera, sight, at_us=40_000)
        assert frame.track_sid == "TR_1"
        assert feed._reader is not None
        assert feed._reader[1] is not ended


async def test_nobody_linked_is_not_the_same_as_nothing_shared() -> None:
    """Until the caller is linked a request waits for them; one who has left shares nothing."""
    linked: list[Person] = []
    sight = LiveSight(VisionSettings(look_timeout_ms=5000))
    who = cast("Callable[[], rtc.RemoteParticipant | None]", lambda: linked[0] if linked else None)
    feed = VideoFeed(rtc.Room(), sight, "auto", who)
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


def reason(look: Look) -> str | None:
    """Why there is no view."""
    return look.reason if isinstance(look, Blind) else None
