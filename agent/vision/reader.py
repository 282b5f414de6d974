"""Reads the frames of one subscribed track."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import structlog
from livekit import rtc

from agent.vision.frame import Frame
from agent.vision.track import Candidate

log = structlog.stdlib.get_logger(__name__)

_DEGREES: dict[int, int] = {
    rtc.VideoRotation.VIDEO_ROTATION_0: 0,
    rtc.VideoRotation.VIDEO_ROTATION_90: 90,
    rtc.VideoRotation.VIDEO_ROTATION_180: 180,
    rtc.VideoRotation.VIDEO_ROTATION_270: 270,
}


class TrackReader:
    """Hands every frame on, until it is stopped or the track ends.

    Attributes:
        track: What is read. Who subscribes again gets another one for the same publication.
        task: The reading. Cancel it to stop: it closes its own stream.
        failed: Whether the track could not be read at all: another try would fail as well.
    """

    def __init__(self, track: rtc.Track, candidate: Candidate, put: Callable[[Frame], None]):
        self.track = track
        self._candidate = candidate
        self._put = put
        self.failed = False
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        # Capacity 1 drops the older frame; the default queue is unbounded and holds every unread one.
        try:
            stream = rtc.VideoStream(self.track, capacity=1)
        except Exception:
            self.failed = True
            log.exception("track_not_read", source=self._candidate.source)
            return
        try:
            async for event in stream:
                try:
                    self._put(_frame(event, self._candidate))
                except Exception:
                    # One frame that can't be read must not blind the rest of the call.
                    log.exception("frame_not_read", source=self._candidate.source)
        finally:
            await stream.aclose()


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
