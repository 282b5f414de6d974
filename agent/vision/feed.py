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
from agent.vision.track import Candidate, Source, choose, worth_keeping

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
        self._telling: asyncio.Task[None] | None = None

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
        for task in (self._ticker, self._telling):
            if task is not None:
                task.cancel()
                self._ending.add(task)
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
        of_video = {publication.sid: publication for publication in publications if _is_view(publication)}
        candidates = [Candidate(sid, _SOURCES[pub.source], pub.muted) for sid, pub in of_video.items()]
        looked_at = self._choose(candidates)
        kept = worth_keeping(candidates, [eye.wanted for eye in self._sight.eyes])
        self._delivery = {sid: state for sid, state in self._delivery.items() if sid in kept}
        for sid, reader in list(self._readers.items()):
            if sid not in looked_at or reader.track is not of_video[sid].track:
                self._stop_reading(sid)
        for sid, publication in of_video.items():
            self._subscribe(publication, wanted=sid in kept)
            track = publication.track
            if track is None or sid not in kept:
                continue
            eye, candidate = looked_at.get(sid, (None, None))
            if not publication.muted:  # nothing comes anyway, and so it comes back sooner
                self._deliver(publication, track, wanted=eye is not None and eye.watched)
            if eye is not None and candidate is not None and self._needs_reader(sid):
                self._readers[sid] = TrackReader(track, candidate, self._put_into(eye))

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

    def _needs_reader(self, sid: str) -> bool:
        """Whether there is none, or one that has ended though its track is still there."""
        reader = self._readers.get(sid)
        return reader is None or (reader.task.done() and not reader.failed)

    def _subscribe(self, publication: rtc.RemoteTrackPublication, *, wanted: bool) -> None:
        if publication.subscribed == wanted:
            return
        try:
            publication.set_subscribed(wanted)
        except Exception:
            # It may be just going. The next tick looks again, and the other tracks are not its business.
            log.exception("video_subscription_failed", subscribed=wanted)

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
            # What can't be paused is received all the time: that costs, but blinds nobody. What must come back is tried
            # again with the next tick.
            log.exception("video_delivery_failed", enabled=wanted)
            self._delivery[publication.sid] = (track, False)

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
            if status != self._status and self._room.isconnected() and (self._telling is None or self._telling.done()):
                # Beside the ticks, which a slow connection must not hold up.
                self._telling = asyncio.create_task(self._tell(status))
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


def _is_view(publication: rtc.RemoteTrackPublication) -> bool:
    """A camera or a screen, and not sound that calls itself one: the source is the publisher's word."""
    return publication.source in _SOURCES and publication.kind == rtc.TrackKind.KIND_VIDEO
