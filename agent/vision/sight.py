"""What the caller shows right now: the view a model request is given, or the reason there is none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from agent.vision.encode import Jpeg, encode_frame
from agent.vision.frame import Frame, LatestFrame
from agent.vision.track import BlindReason, Choice, Source
from config.groups import VisionSettings

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class View:
    """One picture as the model is sent it.

    Attributes:
        jpeg: The picture.
        source: What it shows.
        frame_width: Pixels, as captured and upright.
        frame_height: Pixels, as captured and upright.
        taken_at: Unix seconds at which the frame arrived.
        age_ms: Milliseconds from there to the model request.
        encode_ms: Milliseconds the encoding took; 0 when an earlier request had the same frame encoded.
        waited_ms: Milliseconds the request waited for the frame.
    """

    jpeg: Jpeg
    source: Source
    frame_width: int
    frame_height: int
    taken_at: float
    age_ms: float
    encode_ms: float
    waited_ms: float


@dataclass(frozen=True, slots=True)
class Blind:
    """Why a request carries no view.

    Attributes:
        reason: As in `turn_completed`.
        source: What is muted or stalled, if anything.
        waited_ms: Milliseconds the request waited for a frame in vain.
    """

    reason: BlindReason
    source: Source | None = None
    waited_ms: float = 0.0


Look = View | Blind


class Sight(Protocol):
    """What `agent.vision.memory` asks of a sight."""

    async def look(self) -> Look:
        """The view of this moment."""

    def status(self) -> str:
        """The value of the attribute `vision.status`."""


class NoSight:
    """Sight that is switched off."""

    async def look(self) -> Look:
        """Nothing, ever."""
        return Blind("off")

    def status(self) -> str:
        """Always `off`."""
        return "off"


class LiveSight:
    """Sight over the newest frame of the chosen track.

    The feed tells it which track is chosen (`choose`) and hands it every frame (`put`); requests `look`.
    """

    def __init__(self, settings: VisionSettings, *, clock: Callable[[], float] = time.monotonic):
        self._settings = settings
        self._clock = clock
        self._choice: Choice | None = None  # until the caller is known
        self._chosen_at = clock()
        self._latest = LatestFrame()
        self._changed = asyncio.Event()
        self._encoding: tuple[Frame, asyncio.Task[tuple[Jpeg, float]]] | None = None

    def choose(self, choice: Choice) -> None:
        """Look at another track from now on; what the old one showed is forgotten."""
        if choice != self._choice:
            self._choice = choice
            self._chosen_at = self._clock()
            self._latest.clear()
            self._encoding = None
            self._notify()

    def put(self, frame: Frame) -> None:
        """Take the newest frame; frames of any other track than the chosen one are late and dropped."""
        if frame.track_sid == self._chosen_sid() and self._latest.put(frame):
            self._notify()

    def status(self) -> str:
        """`camera`, `screen`, `muted`, `stale` or `none`."""
        frame = self._fresh()
        if frame is not None:
            return frame.source
        blind = self._blind()
        return blind.source if blind.reason == "starting" and blind.source is not None else blind.reason

    async def look(self) -> Look:
        """The newest fresh frame, encoded off the event loop; waits only when a live source has none."""
        started = self._clock()
        await self._wait_for_fresh(started + self._settings.look_timeout_ms / 1000)
        waited_ms = (self._clock() - started) * 1000
        frame = self._fresh()
        if frame is None:
            return self._blind(waited_ms)
        try:
            jpeg, encode_ms = await self._encoded(frame)
        except ValueError:
            log.exception("frame_not_encoded", source=frame.source)
            return Blind("failed", frame.source, waited_ms)
        if frame.track_sid != self._chosen_sid():
            # Muted or gone while it was being encoded: it is no longer what the caller shows.
            return self._blind(waited_ms)
        age_s = frame.age_s(self._clock())
        width, height = (frame.height, frame.width) if frame.rotation in {90, 270} else (frame.width, frame.height)
        return View(
            jpeg=jpeg,
            source=frame.source,
            frame_width=width,
            frame_height=height,
            taken_at=time.time() - age_s,
            age_ms=age_s * 1000,
            encode_ms=encode_ms,
            waited_ms=waited_ms,
        )

    def _fresh(self) -> Frame | None:
        frame = self._latest.get()
        if frame is None or frame.age_s(self._clock()) > self._settings.max_frame_age_s:
            return None
        return frame

    def _chosen_sid(self) -> str | None:
        track = self._choice.track if self._choice is not None else None
        return None if track is None else track.sid

    def _blind(self, waited_ms: float = 0.0) -> Blind:
        choice = self._choice
        if choice is None or choice.source is None:
            # Named when only one source would count, so that the model does not deny the other.
            wanted = self._settings.source
            return Blind("none", wanted if wanted in {"camera", "screen"} else None, waited_ms)
        if choice.blind is not None:
            return Blind(choice.blind, choice.source, waited_ms)
        # A track that was chosen just now has not stalled: its first frame is on the way.
        starting = self._clock() - self._chosen_at <= self._settings.max_frame_age_s
        return Blind("starting" if starting else "stale", choice.source, waited_ms)

    async def _wait_for_fresh(self, deadline: float) -> None:
        # Worth it for a live source, or while it is not yet known who calls. What is muted or absent is known at once.
        def hopeful() -> bool:
            return self._choice is None or self._choice.track is not None

        while hopeful() and self._fresh() is None and self._clock() < deadline:
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock())):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _encoded(self, frame: Frame) -> tuple[Jpeg, float]:
        """Encode once per frame; a second request for the same frame shares the first one's work."""
        if self._encoding is not None and self._encoding[0] is frame:
            jpeg, _ = await asyncio.shield(self._encoding[1])
            return jpeg, 0.0
        task = asyncio.create_task(asyncio.to_thread(self._encode, frame))
        self._encoding = (frame, task)
        # Shielded: a speculative request that is cancelled must not take the other request's picture with it.
        return await asyncio.shield(task)

    def _encode(self, frame: Frame) -> tuple[Jpeg, float]:
        limits = self._settings
        screen = frame.source == "screen"
        started = time.perf_counter()
        jpeg = encode_frame(
            frame,
            max_width=limits.screen_max_width if screen else limits.max_width,
            max_height=limits.screen_max_height if screen else limits.max_height,
            quality=limits.quality,
        )
        _ = jpeg.data_url  # made here, in the thread, and kept
        return jpeg, (time.perf_counter() - started) * 1000

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
