"""A track taken out of a room that may be closing meanwhile."""

import asyncio
import contextlib

from livekit import rtc

_TIMEOUT_S = 3.0


async def unpublish(room: rtc.Room, sid: str) -> None:
    """Take a track out of a room, if both are still there.

    A room that the server is just closing never answers the request, so the wait for it is bounded.
    """
    if not room.isconnected() or sid not in room.local_participant.track_publications:
        return
    with contextlib.suppress(rtc.participant.UnpublishTrackError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT_S):
            await room.local_participant.unpublish_track(sid)
