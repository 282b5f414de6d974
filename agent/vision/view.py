"""What a model request is shown: pictures, or the reason why there are none."""

from dataclasses import dataclass

from agent.vision.encoded import EncodedImage
from agent.vision.track import BlindReason, Source


@dataclass(frozen=True)
class Shot:
    """One picture as the model is sent it.

    Attributes:
        image: The picture.
        source: What it shows.
        frame_width: Pixels, as captured and upright.
        frame_height: Pixels, as captured and upright.
        taken_at: Unix seconds at which the frame arrived.
        age_ms: Milliseconds from there to the model request.
        encode_ms: Milliseconds the encoding took; 0 when an earlier request had the same frame encoded.
        waited_ms: Milliseconds the request waited for the frame.
        part: Which part of the whole it is, such as `top left`; empty for all of it.
        fingerprint: By which it is compared with the next one; empty if nobody asks for that.
    """

    image: EncodedImage
    source: Source
    frame_width: int
    frame_height: int
    taken_at: float
    age_ms: float
    encode_ms: float
    waited_ms: float = 0.0
    part: str = ""
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class Blind:
    """Why a request carries no picture.

    Attributes:
        reason: As in `turn_completed`.
        source: What is muted or stalled, if anything.
        waited_ms: Milliseconds the request waited for a frame in vain.
    """

    reason: BlindReason
    source: Source | None = None
    waited_ms: float = 0.0


@dataclass(frozen=True)
class View:
    """What the caller shows at one moment.

    Attributes:
        shots: One picture, or with `VISION__SOURCE=both` up to two, the screen's first.
        missing: The sources that are shared, but could not be seen.
    """

    shots: tuple[Shot, ...]
    missing: tuple[Blind, ...] = ()

    @property
    def taken_at(self) -> float:
        """Unix seconds of the oldest picture."""
        return min(shot.taken_at for shot in self.shots)

    @property
    def waited_ms(self) -> float:
        """Milliseconds the request waited for its frames."""
        found: list[Shot | Blind] = [*self.shots, *self.missing]
        return max(one.waited_ms for one in found)

    @property
    def source(self) -> str:
        """`camera`, `screen` or `both`."""
        return self.shots[0].source if len(self.shots) == 1 else "both"


Look = View | Blind
