"""Brings the caller's video from the room to a sight: subscribes the chosen track and reads its frames."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import structlog
from livekit import rtc

from agent.vision.frame import Frame
from agent.vision.sight import LiveSight
from agent.vision.track import Candidate, Source, Wanted, choose

log = structlog.stdlib.get_logger(__name__)

STATUS_ATTRIBUTE = "vision.status"

_SOURCES: dict[int, Source] = {
    rtc.TrackSource.SOURCE_CAMERA: "camera",
    rtc.TrackSource.SOURCE_SCREENSHARE: "screen",
}
_DEGREES: dict[int, int] = {
    rtc.VideoRotation.VIDEO_ROTATION_0: 0,
    rtc.VideoRotation.VIDEO_ROTATION_90: 90,
    rtc.VideoRotation.VIDEO_ROTATION_180: 180,
    rtc.VideoRotation.VIDEO_ROTATION_270: 270,
}
_TICK_S = 0.5
"""Frames that stop coming raise no event, so the status is looked at twice a second."""
_EVENTS: tuple[rtc.room.EventTypes, ...] = (
    "connected",
    "reconnected",
    "participant_connected",
    "participant_disconnected",
    "track_published",
    "track_unpublished",
    "track_subscribed",
    "track_unsubscribed",
    "track_subscription_failed",
    "track_muted",
    "track_unmuted",
)


class VideoFeed:
    """Follows the linked participant's camera and screen share.

    Register before the room is joined, so that no event is missed; `aclose` undoes it.
    """

    def __init__(
        self,
        room: rtc.Room,
        sight: LiveSight,
        wanted: Wanted,
        linked: Callable[[], rtc.RemoteParticipant | None],
    ):
        self._room = room
        self._sight = sight
        self._wanted = wanted
        self._linked = linked
        self._reader: tuple[str, asyncio.Task[None]] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._status = ""
        self._met = False
        self._ticker: asyncio.Task[None] | None = None

    def register(self) -> None:
        """Start to follow."""
        for event in _EVENTS:
            self._room.on(event, self.refresh)
        self._ticker = asyncio.create_task(self._tick())

    async def aclose(self) -> None:
        """Stop following and give the track back."""
        for event in _EVENTS:
            self._room.off(event, self.refresh)
        if self._ticker is not None:
            self._ticker.cancel()
            self._ending.add(self._ticker)
        self._stop_reading()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def refresh(self, *_: object) -> None:
        """Look at what the caller publishes now: on the room's events, and when the caller is linked."""
        participant = self._linked()
        if participant is None and not self._met:
            return  # nobody is linked yet: that is not the same as sharing nothing
        self._met = True
        publications = [] if participant is None else list(participant.track_publications.values())
        of_video = {publication.sid: publication for publication in publications if publication.source in _SOURCES}
        choice = choose(
            [Candidate(sid, _SOURCES[pub.source], pub.muted) for sid, pub in of_video.items()], self._wanted
        )
        self._sight.choose(choice)
        chosen = choice.track.sid if choice.track is not None else None
        for sid, publication in of_video.items():
            if publication.subscribed != (sid == chosen):
                publication.set_subscribed(sid == chosen)
        track = of_video[chosen].track if chosen is not None else None
        if self._reader is not None and (track is None or self._reader[0] != track.sid or self._reader[1].done()):
            self._stop_reading()
        if self._reader is None and track is not None and choice.track is not None:
            self._reader = (track.sid, asyncio.create_task(self._read(track, choice.track)))

    async def _read(self, track: rtc.Track, candidate: Candidate) -> None:
        # Capacity 1 drops the older frame; the default queue is unbounded and holds every unread one.
        stream = rtc.VideoStream(track, capacity=1)
        try:
            async for event in stream:
                try:
                    self._sight.put(_frame(event, candidate))
                except Exception:
                    # One frame that can't be read must not blind the rest of the call.
                    log.exception("frame_not_read", source=candidate.source)
        finally:
            await stream.aclose()

    def _stop_reading(self) -> None:
        if self._reader is None:
            return
        # A reader parked on its queue never wakes after aclose(): cancel it, and it closes its own stream.
        _, task = self._reader
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._reader = None

    async def _tick(self) -> None:
        while True:
            self.refresh()
            status = self._sight.status()
            if status != self._status and self._room.isconnected():
                await self._tell(status)
            await asyncio.sleep(_TICK_S)

    async def _tell(self, status: str) -> None:
        try:
            await self._room.local_participant.set_attributes({STATUS_ATTRIBUTE: status})
        except Exception:
            # The connection may be just breaking; the next tick tries again, and sight goes on meanwhile.
            log.warning("vision_status_not_sent", status=status, exc_info=True)
        else:
            self._status = status
            log.info("vision_status", status=status)


def _frame(event: rtc.VideoFrameEvent, candidate: Candidate) -> Frame:
    frame = event.frame
    if frame.type != rtc.VideoBufferType.I420:
        frame = frame.convert(rtc.VideoBufferType.I420)
    return Frame(
        i420=np.frombuffer(frame.data, dtype=np.uint8),
        width=frame.width,
        height=frame.height,
        rotation=_DEGREES[cast("int", event.rotation)],  # typed as a message, but a number
        track_sid=candidate.sid,
        source=candidate.source,
        taken_at=time.monotonic(),
    )
