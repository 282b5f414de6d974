"""What a caller publishes, as the feed sees it: real tracks that nobody publishes, in a room that nobody has joined."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from livekit import rtc

from agent.vision.feed import VideoFeed
from agent.vision.sight import LiveSight
from agent.vision.view import Blind, Look

WIDTH, HEIGHT = 64, 48


class Camera:
    """A published camera or screen share as the feed sees it; its pictures are ours to take."""

    def __init__(self, sid: str = "TR_1", source: rtc.TrackSource.ValueType = rtc.TrackSource.SOURCE_CAMERA):
        self.sid = sid
        self.source = source
        self.kind = rtc.TrackKind.KIND_VIDEO
        self.muted = False
        self.subscribed = False
        self.asked: list[bool] = []
        self.renew()

    def renew(self) -> None:
        """Another track under the same publication, as after a subscription that was lost."""
        self._video = rtc.VideoSource(WIDTH, HEIGHT)
        self.track: rtc.LocalVideoTrack = rtc.LocalVideoTrack.create_video_track("camera", self._video)

    def set_subscribed(self, subscribed: bool) -> None:  # noqa: FBT001 - LiveKit's signature
        """At once."""
        self.asked.append(subscribed)
        self.subscribed = subscribed

    def take(self, at_us: int, *, luma: int = 128) -> None:
        """One picture without colour, grey if nothing else is said."""
        planes = bytes([luma]) * (WIDTH * HEIGHT) + bytes([128]) * (WIDTH * HEIGHT // 2)
        self._video.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, planes), timestamp_us=at_us)


def screen() -> Camera:
    """A published screen share."""
    return Camera("TR_2", rtc.TrackSource.SOURCE_SCREENSHARE)


class Person:
    """Who is linked, and what they publish."""

    def __init__(self, *cameras: Camera):
        self.track_publications = {camera.sid: camera for camera in cameras}


class Delivery(list[tuple[str, bool]]):
    """What was asked of the server, by track."""

    def __call__(self, publication: Camera, *, enabled: bool) -> None:
        self.append((publication.sid, enabled))


@asynccontextmanager
async def following(
    sight: LiveSight, person: Person | None, delivery: Delivery | None = None
) -> AsyncIterator[VideoFeed]:
    """A feed that follows a person; `None` while nobody is linked."""
    linked = cast("rtc.RemoteParticipant | None", person)
    feed = VideoFeed(rtc.Room(), sight, lambda: linked, deliver=Delivery() if delivery is None else delivery)
    feed.register()
    try:
        yield feed
    finally:
        await feed.aclose()


def reason(look: Look) -> str | None:
    """Why there is no view."""
    return look.reason if isinstance(look, Blind) else None
