"""Choosing the video track that the model should see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.vision import VisionSource

Source = Literal["camera", "screen"]
Wanted = Literal["auto", "camera", "screen"]
"""What one eye looks for; `auto` takes a screen share before a camera."""
BlindReason = Literal["off", "none", "muted", "starting", "late", "stale", "failed", "refused"]
"""Why there is no picture: sight is off, nothing is shared, it is muted, its first frame is on the way, it did not come
back in time from a pause of ours, it has stalled, it can't be encoded, or the model refused it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video track that the linked participant publishes."""

    sid: str
    source: Source
    muted: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The track to look at, or why there is none.

    Attributes:
        track: The live track to look at; `None` when `blind` says why not.
        blind: `none` or `muted`; `None` when there is a track.
        source: What `track` or the muted track is; `None` when nothing is shared.
    """

    track: Candidate | None
    blind: BlindReason | None
    source: Source | None


def wanted_by(source: VisionSource) -> tuple[Wanted, ...]:
    """What each eye looks for, the more telling source first."""
    if source == "off":
        return ()
    return ("screen", "camera") if source == "both" else (source,)


def choose(candidates: Sequence[Candidate], wanted: Wanted) -> Choice:
    """Pick among the present candidates, given oldest first.

    `auto` takes a screen share before a camera, and what is live before what is muted. Of several tracks of one
    source the newest wins: clients replace a track by publishing the new one first.
    """
    muted: Source | None = None
    for source in _sources(wanted):
        best = _best(candidates, source)
        if best is not None and not best.muted:
            return Choice(best, None, source)
        if best is not None and muted is None:
            muted = source
    return Choice(None, "muted" if muted else "none", muted)


def worth_keeping(candidates: Sequence[Candidate], wanted: Sequence[Wanted]) -> set[str]:
    """The tracks to stay subscribed to: of each source that counts the one that would be looked at, muted or not.

    What is muted or behind a screen share may be wanted again at any moment, and a subscription that was given up can
    take over a second to come back (`docs/adr/0007-adaptive-attention.md`).
    """
    best = (_best(candidates, source) for eye in wanted for source in _sources(eye))
    return {candidate.sid for candidate in best if candidate is not None}


def _sources(wanted: Wanted) -> tuple[Source, ...]:
    """What an eye may look at, the one that it prefers first."""
    return ("screen", "camera") if wanted == "auto" else (wanted,)


def _best(candidates: Sequence[Candidate], source: Source) -> Candidate | None:
    """The newest live track of a source; the newest muted one if none is live."""
    of_source = [candidate for candidate in candidates if candidate.source == source]
    live = [candidate for candidate in of_source if not candidate.muted]
    return next(reversed(live or of_source), None)
