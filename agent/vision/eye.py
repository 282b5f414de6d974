"""One eye: the newest frame of the track it looks at, encoded when a request needs it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from agent.vision.darkroom import Darkroom, Print
from agent.vision.frame import Frame, LatestFrame, RecentFrames
from agent.vision.region import Region
from agent.vision.track import Choice, Wanted
from agent.vision.view import Blind, Shot
from config.vision import VisionSettings

log = structlog.stdlib.get_logger(__name__)

_JUST_NOW_S = 0.25
"""A frame from before a pause of ours needs no waiting for the next one while it is so young."""


class Eye:
    """Sees what one source shows.

    The feed tells it which track is chosen (`choose`), whether that is watched or left dark on purpose (`watch`), and
    hands it every frame (`put`); requests `look`.

    Attributes:
        wanted: Which source.
        watched: Whether frames are expected now.
    """

    def __init__(self, wanted: Wanted, settings: VisionSettings, clock: Callable[[], float], *, compare: bool = False):
        """With `compare`, its pictures can be told from one another though the settings don't ask for it."""
        self.wanted: Wanted = wanted
        self._settings = settings
        self._clock = clock
        self.watched = True
        self._choice: Choice | None = None  # until the caller is known
        self._woken = False
        self._stalled = False
        self._since = clock()
        self._latest = RecentFrames() if settings.sharpest else LatestFrame()
        self._darkroom = Darkroom(settings, compare=compare)
        self._changed = asyncio.Event()
        self._encoding: tuple[Frame, asyncio.Task[Print]] | None = None

    def choose(self, choice: Choice) -> bool:
        """Look at another track from now on; what the old one showed is forgotten. `False` if it is no other."""
        if choice == self._choice:
            return False
        self._choice = choice
        self._expect_frames(woken=False)
        self._latest.clear()
        self._stalled = False
        self._encoding = None
        self._changed.set()
        return True

    def watch(self, watched: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Expect frames, or none for now: a track that is dark on purpose has not stalled."""
        if watched and not self.watched:
            self._expect_frames(woken=self.last_seen_at is not None)  # else its first frame is still to come
        elif self.watched and not watched:
            self._stalled = self._stalled or self.status() == "stale"
        self.watched = watched

    def put(self, frame: Frame) -> bool:
        """Take the newest frame; `False` if it is dropped: of another track, late in a pause, or no view."""
        if not self.watched or frame.track_sid != self.chosen_sid or not self._latest.put(frame):
            return False
        self._stalled = False
        self._changed.set()
        return True

    @property
    def chosen_sid(self) -> str | None:
        """The track it looks at, if any is live."""
        track = self._choice.track if self._choice is not None else None
        return None if track is None else track.sid

    @property
    def last_seen_at(self) -> float | None:
        """Monotonic seconds of the newest frame, however old; `None` before the first one of the chosen track."""
        frame = self._latest.get()
        return None if frame is None else frame.taken_at

    def status(self) -> str:
        """`camera`, `screen`, `muted`, `stale` or `none`."""
        frame = self._fresh()
        blind = self._blind()
        if frame is not None:
            return frame.source
        if blind.reason in {"starting", "late"} and blind.source is not None:
            return "stale" if self._stalled else blind.source  # a pause does not heal a camera
        return blind.reason

    async def look(self) -> Shot | Blind:
        """The newest fresh frame, encoded off the event loop; waits only when a live source has none."""
        started = self._clock()
        await self._wait_for_current(started + self._settings.look_timeout_ms / 1000)
        waited_ms = (self._clock() - started) * 1000
        frames = [frame for frame in self._latest.recent() if self._is_fresh(frame)]
        if not frames:
            self._encoding = None  # nothing is left to look at more closely
            return self._blind(waited_ms)
        return await self._shot(frames[-1], self._encoded(frames), waited_ms)

    async def zoom(self, region: Region) -> Shot | Blind:
        """One part, in full resolution, of the frame that the newest request was shown; else of the newest frame."""
        frame = self._encoding[0] if self._encoding is not None else self._fresh()
        if frame is None or frame.track_sid != self.chosen_sid:
            return self._blind()
        return await self._shot(frame, self._part(frame, region), part=region)

    async def _shot(
        self, newest: Frame, encoding: Awaitable[Print], waited_ms: float = 0.0, part: str = ""
    ) -> Shot | Blind:
        try:
            made = await encoding
        except ValueError:
            log.exception("frame_not_encoded", source=newest.source)
            return Blind("failed", newest.source, waited_ms)
        frame = made.frame
        if frame.track_sid != self.chosen_sid:
            return self._blind(waited_ms)  # muted or gone while it was being encoded: no longer what the caller shows
        age_s = frame.age_s(self._clock())
        width, height = (frame.height, frame.width) if frame.rotation in {90, 270} else (frame.width, frame.height)
        return Shot(
            image=made.image,
            source=frame.source,
            frame_width=width,
            frame_height=height,
            taken_at=time.time() - age_s,
            age_ms=age_s * 1000,
            encode_ms=made.encode_ms,
            waited_ms=waited_ms,
            part=part,
            fingerprint=made.fingerprint,
        )

    def _expect_frames(self, *, woken: bool) -> None:
        self._since = self._clock()
        self._woken = woken

    def _fresh(self) -> Frame | None:
        frame = self._latest.get()
        return frame if frame is not None and self._is_fresh(frame) else None

    def _is_fresh(self, frame: Frame) -> bool:
        return frame.age_s(self._clock()) <= self._settings.max_frame_age_s

    def _current(self) -> Frame | None:
        """A fresh frame that is not from before a pause of ours."""
        frame = self._fresh()
        if frame is None or (frame.taken_at < self._since and frame.age_s(self._clock()) > _JUST_NOW_S):
            return None
        return frame

    def _blind(self, waited_ms: float = 0.0) -> Blind:
        choice = self._choice
        if choice is None or choice.source is None:
            # Named when only one source would count, so that the model does not deny the other.
            return Blind("none", None if self.wanted == "auto" else self.wanted, waited_ms)
        if choice.blind is not None:
            return Blind(choice.blind, choice.source, waited_ms)
        # Frames that are expected since just now have not stalled: the first one is on the way.
        if not self.watched or self._clock() - self._since <= self._settings.max_frame_age_s:
            return Blind("late" if self._woken else "starting", choice.source, waited_ms)
        return Blind("stale", choice.source, waited_ms)

    async def _wait_for_current(self, deadline: float) -> None:
        # Worth it for a source that comes, or while it is not yet known who calls. What is muted, absent or stalled is
        # known at once.
        def hopeful() -> bool:
            return self._choice is None or self._blind().reason in {"starting", "late"} or self._fresh() is not None

        while hopeful() and self._current() is None and self._clock() < deadline:
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock())):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _encoded(self, frames: Sequence[Frame]) -> Print:
        """Encode once per newest frame; a second request for the same moment shares the first one's work."""
        newest = frames[-1]
        if self._encoding is not None and self._encoding[0] is newest:
            return replace(await asyncio.shield(self._encoding[1]), encode_ms=0.0)
        task = asyncio.create_task(asyncio.to_thread(self._darkroom.whole, frames))
        self._encoding = (newest, task)
        # Shielded: a speculative request that is cancelled must not take the other request's picture with it.
        return await asyncio.shield(task)

    async def _part(self, newest: Frame, region: Region) -> Print:
        """Of the frame that was taken for the moment of that newest one, if any was."""
        frame = newest
        if self._encoding is not None:
            with suppress(ValueError):  # then the newest one has to do, and fails by itself
                frame = (await asyncio.shield(self._encoding[1])).frame
        return await asyncio.to_thread(self._darkroom.part, frame, region)
