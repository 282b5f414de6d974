"""Brings the caller's video from the room to a sight: subscribes what its eyes look at, delivered while it matters."""

import asyncio
from collections.abc import Callable

import structlog
from livekit import rtc

from agent.vision.delivery import deliver
from agent.vision.eye import Eye
from agent.vision.frame import Frame
from agent.vision.reader import TrackReader
from agent.vision.sight import LiveSight
from agent.vision.track import Candidate, Source, choose

log = structlog.stdlib.get_logger(__name__)

STATUS_ATTRIBUTE = "vision.status"

_SOURCES: dict[int, Source] = {
    rtc.TrackSource.SOURCE_CAMERA: "camera",
    rtc.TrackSource.SOURCE_SCREENSHARE: "screen",
}
_TICK_S = 0.25
"""Neither frames that stop coming nor a silence that grows long raise an event, so both are looked at so often."""
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
        linked: Callable[[], rtc.RemoteParticipant | None],
        *,
        deliver: Callable[..., None] = deliver,
    ):
        self._room = room
        self._sight = sight
        self._linked = linked
        self._set_delivery = deliver
        self._delivery: dict[str, tuple[rtc.Track, bool]] = {}
        self._readers: dict[str, TrackReader] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._status = ""
        self._met = False
        self._ticker: asyncio.Task[None] | None = None

    def register(self) -> None:
        """Start to follow."""
        for event in _EVENTS:
            self._room.on(event, self.refresh)
        self._sight.on_look = self.refresh
        self._ticker = asyncio.create_task(self._tick())

    async def aclose(self) -> None:
        """Stop following and give the tracks back."""
        for event in _EVENTS:
            self._room.off(event, self.refresh)
        self._sight.on_look = lambda: None
        if self._ticker is not None:
            self._ticker.cancel()
            self._ending.add(self._ticker)
        for sid in list(self._readers):
            self._stop_reading(sid)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def refresh(self, *_: object) -> None:
        """Look at what the caller publishes now, and at whether it matters: on events, on ticks and for requests."""
        participant = self._linked()
        if participant is None and not self._met:
            return  # nobody is linked yet: that is not the same as sharing nothing
        self._met = True
        publications = [] if participant is None else list(participant.track_publications.values())
        of_video = {publication.sid: publication for publication in publications if publication.source in _SOURCES}
        looked_at = self._choose([Candidate(sid, _SOURCES[pub.source], pub.muted) for sid, pub in of_video.items()])
        self._delivery = {sid: state for sid, state in self._delivery.items() if sid in of_video}
        for sid, publication in of_video.items():
            if publication.subscribed != (sid in looked_at):
                publication.set_subscribed(sid in looked_at)
        for sid, reader in list(self._readers.items()):
            track = of_video[sid].track if sid in looked_at else None
            if reader.track is not track or reader.task.done():
                self._stop_reading(sid)
        for sid, (eye, candidate) in looked_at.items():
            track = of_video[sid].track
            if track is not None and sid not in self._readers:
                self._readers[sid] = TrackReader(track, candidate, self._put_into(eye))
            if track is not None:
                self._deliver(of_video[sid], track, wanted=eye.watched)

    def _choose(self, candidates: list[Candidate]) -> dict[str, tuple[Eye, Candidate]]:
        """Point each eye, open or closed; gives the tracks they look at, by their sid."""
        attention = self._sight.attention
        choices = [(eye, choose(candidates, eye.wanted)) for eye in self._sight.eyes]
        for eye, choice in choices:
            if eye.choose(choice):
                attention.asked()  # something else is shown: worth a look, whoever speaks
        watching = attention.watching()
        for eye, _ in choices:
            eye.watch(watching)
        return {choice.track.sid: (eye, choice.track) for eye, choice in choices if choice.track}

    def _deliver(self, publication: rtc.RemoteTrackPublication, track: rtc.Track, *, wanted: bool) -> None:
        before, enabled = self._delivery.get(publication.sid, (track, True))
        self._delivery[publication.sid] = (track, wanted)
        # A track that was subscribed anew may be delivered, or still be paused as the one before it was.
        if wanted == enabled and (wanted or before is track):
            return
        log.debug("video_delivery", source=_SOURCES[publication.source], enabled=wanted)
        try:
            self._set_delivery(publication, enabled=wanted)
        except Exception:
            # What can't be paused is received all the time: that costs, but blinds nobody.
            log.exception("video_delivery_failed", enabled=wanted)

    def _put_into(self, eye: Eye) -> Callable[[Frame], None]:
        def put(frame: Frame) -> None:
            if eye.put(frame):  # a blank one must not pass for the fresh frame that a long silence waits for
                self._sight.attention.seen()

        return put

    def _stop_reading(self, sid: str) -> None:
        # A reader parked on its queue never wakes after aclose(): cancel it, and it closes its own stream.
        task = self._readers.pop(sid).task
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

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
