"""A camera, or a shared screen, pointed at a scene."""

import asyncio
import time
from typing import Literal

import cv2
import numpy as np
from livekit import rtc

from sandbox.caller.publishing import unpublish
from sandbox.caller.scenes import Pixels, Scene

Source = Literal["camera", "screen"]

_TRACK_SOURCES = {
    "camera": rtc.TrackSource.SOURCE_CAMERA,
    "screen": rtc.TrackSource.SOURCE_SCREENSHARE,
}
_ROTATIONS = {
    0: rtc.VideoRotation.VIDEO_ROTATION_0,
    90: rtc.VideoRotation.VIDEO_ROTATION_90,
    180: rtc.VideoRotation.VIDEO_ROTATION_180,
    270: rtc.VideoRotation.VIDEO_ROTATION_270,
}


class Painter:
    """Turns a scene into the frames of a track, with one conversion for a still one."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._i420: Pixels | None = None

    def paint(self, now: float) -> rtc.VideoFrame:
        """Draw the moment `now` (unix seconds) as I420, BT.601 limited range, in a buffer used again.

        Raises:
            ValueError: The scene's width or height is odd, which I420 cannot hold.
        """
        if self._i420 is None or not self._scene.still:
            picture = self._scene.frame(now)
            height, width = picture.shape[:2]
            if width % 2 or height % 2:
                raise ValueError(f"{width}x{height} pixels, width and height must be even")
            self._i420 = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420, dst=self._i420), np.uint8)
        rows, width = self._i420.shape
        return rtc.VideoFrame(width, rows * 2 // 3, rtc.VideoBufferType.I420, self._i420.data)


class Camera:
    """A published video track that shows a scene, frame by frame, until it is closed."""

    def __init__(
        self,
        room: rtc.Room,
        scene: Scene,
        *,
        source: Source = "camera",
        fps: float = 30.0,
        rotation: int = 0,
        simulcast: bool = False,
        max_bitrate: int | None = None,
    ) -> None:
        """Prepare a track; the scene's size is the track's.

        Args:
            room: connected.
            scene: what to show.
            source: what the track is announced as.
            fps: frames a second.
            rotation: clockwise degrees to flag the frames with: 0, 90, 180 or 270.
            simulcast: whether to send smaller layers too.
            max_bitrate: bits a second; the SDK's choice by size when None.
        """
        if rotation not in _ROTATIONS:
            raise ValueError(f"rotation {rotation}, allowed: {', '.join(map(str, _ROTATIONS))}")
        self._room = room
        self._source_name = source
        self._fps = fps
        self._rotation = _ROTATIONS[rotation]
        self._painter = Painter(scene)
        self._frozen = False
        self._muted = False
        frame = self._painter.paint(time.time())
        self._source = rtc.VideoSource(frame.width, frame.height, is_screencast=source == "screen")
        self._track = rtc.LocalVideoTrack.create_video_track(source, self._source)
        encoding = None
        if max_bitrate is not None:
            encoding = rtc.VideoEncoding(max_bitrate=max_bitrate, max_framerate=fps)
        self._options = rtc.TrackPublishOptions(
            source=_TRACK_SOURCES[source],
            simulcast=simulcast,
            video_codec=rtc.VideoCodec.VP8,
            video_encoding=encoding,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def sid(self) -> str:
        """The track's id, once it is published."""
        return self._track.sid

    async def frames_encoded(self) -> int:
        """Frames that were encoded so far, those of every layer counted: what is captured and not wanted is not."""
        layers = [stats.outbound_rtp for stats in await self._track.get_stats() if stats.HasField("outbound_rtp")]
        return sum(layer.outbound.frames_encoded for layer in layers)

    async def publish(self) -> None:
        """Publish the track and begin to send frames."""
        self._task = asyncio.create_task(self._send())
        await self._room.local_participant.publish_track(self._track, self._options)

    def replace(self, scene: Scene) -> None:
        """Show another scene on the same track: no event tells, even where the size changes."""
        self._painter = Painter(scene)

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop sending frames, or go on: no event tells, as with `mediaStreamTrack.stop()` in a browser."""
        self._frozen = frozen

    def mute(self) -> None:
        """Mute the track; others are told, and frames stop."""
        self._track.mute()
        self._muted = True

    def unmute(self) -> None:
        """Unmute the track; others are told, and frames go on."""
        self._track.unmute()
        self._muted = False

    async def unpublish(self) -> None:
        """Take the track out of the room, and close."""
        await unpublish(self._room, self._track.sid)
        await self.aclose()

    async def aclose(self) -> None:
        """Stop sending; the track goes when its room is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._source.aclose()

    async def _send(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            if not (self._frozen or self._muted):
                self._source.capture_frame(self._painter.paint(time.time()), rotation=self._rotation)
            # A frame whose time has passed is dropped, not made up for: an old picture helps nobody.
            due = max(due + 1 / self._fps, clock())
            await asyncio.sleep(due - clock())
