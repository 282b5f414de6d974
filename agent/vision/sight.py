"""What the caller shows right now: the view a model request is given, or the reason there is none."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from agent.vision.attention import Adaptive, Attention
from agent.vision.eye import Eye
from agent.vision.region import Region
from agent.vision.track import wanted_by
from agent.vision.view import Blind, Look, Shot, View
from config.vision import VisionSettings


class Sight(Protocol):
    """What `agent.vision.memory` asks of a sight."""

    async def look(self) -> Look:
        """The view of this moment."""

    async def zoom(self, region: Region) -> Look:
        """One part, in full resolution, of what the newest request was shown."""

    def status(self) -> str:
        """The value of the attribute `vision.status`."""


class NoSight:
    """Sight that is switched off."""

    async def look(self) -> Look:
        """Nothing, ever."""
        return Blind("off")

    async def zoom(self, region: Region) -> Look:  # noqa: ARG002 - nothing has no parts
        """Nothing, ever."""
        return Blind("off")

    def status(self) -> str:
        """Always `off`."""
        return "off"


class LiveSight:
    """Sight by one eye, or with `VISION__SOURCE=both` by two.

    Attributes:
        eyes: The more telling source first.
        attention: Decides when frames should come; the call tells it who speaks.
        on_look: Called when a request is about to look, so that the feed can bring frames back.
    """

    def __init__(self, settings: VisionSettings, *, compare: bool = False, clock: Callable[[], float] = time.monotonic):
        """With `compare`, views can be told from one another though the settings don't ask for it."""
        self.eyes = tuple(Eye(wanted, settings, clock, compare=compare) for wanted in wanted_by(settings.source))
        self.attention = _attention(settings, clock)
        self.on_look: Callable[[], None] = lambda: None

    def status(self) -> str:
        """`camera`, `screen`, `both`, `muted`, `stale` or `none`."""
        statuses = [eye.status() for eye in self.eyes]
        seen = [status for status in statuses if status in {"camera", "screen"}]
        if len(seen) > 1:
            return "both"
        return next((status for status in [*seen, *statuses] if status != "none"), "none")

    async def look(self) -> Look:
        """The newest fresh frame of each eye, encoded off the event loop; see `Eye.look` for when it waits."""
        self.attention.asked()
        self.on_look()
        return _view(await asyncio.gather(*(eye.look() for eye in self.eyes)))

    async def zoom(self, region: Region) -> Look:
        """One part, in full resolution, of what the newest request was shown."""
        return _view(await asyncio.gather(*(eye.zoom(region) for eye in self.eyes)))


def _view(found: list[Shot | Blind]) -> Look:
    shots = tuple(shot for shot in found if isinstance(shot, Shot))
    blind = [blind for blind in found if isinstance(blind, Blind)]
    shared = tuple(one for one in blind if one.reason != "none")
    if not shots:
        # Of two blind eyes the one whose source is shared tells more; with neither shared, both are denied at once.
        both = Blind("none", None, max(one.waited_ms for one in blind))
        return shared[0] if shared else blind[0] if len(blind) == 1 else both
    return View(shots, shared)


def _attention(settings: VisionSettings, clock: Callable[[], float]) -> Attention:
    if settings.attention == "always":
        return Attention()
    return Adaptive(look_s=settings.look_timeout_ms / 1000, refresh_s=settings.refresh_s, clock=clock)
