"""When the caller's video is worth receiving: while a turn may need it soon, and not in between.

See `docs/adr/0007-adaptive-attention.md` for the measurements behind the figures here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

AgentState = Literal["initializing", "idle", "listening", "thinking", "speaking"]
"""As the framework names them."""

LEAD_S = 0.5
"""So long before the agent's speech ends the video is back: twice what a return takes."""
LINGER_S = 1.0
"""So long after the last word the video stays: many answers come within it."""
HOLD_S = 1.25
"""So long the video stays once it is back: the server passes on one request for a key frame a second, so a pause that
ends sooner would take that long to end."""
NEVER = float("-inf")


@dataclass(slots=True)
class Floor:
    """Who speaks, and since when nobody does. All times are monotonic seconds.

    Attributes:
        user_speaking: From the first sign of speech to its end.
        agent: What the agent does.
        agent_since: Since when it does that.
        agent_sound_s: Seconds of sound that its present speech has so far.
        quiet_since: When the last of both fell silent.
        asked_at: When a request last looked.
        seen_at: When the last frame came.
    """

    user_speaking: bool = False
    agent: AgentState = "initializing"
    agent_since: float = NEVER
    agent_sound_s: float = 0.0
    quiet_since: float = NEVER
    asked_at: float = NEVER
    seen_at: float = NEVER


def matters(floor: Floor, now: float, *, look_s: float, refresh_s: float) -> bool:
    """Whether a frame is needed, or may be soon; a request waits for one at most `look_s` seconds."""
    if floor.user_speaking or floor.agent in {"initializing", "thinking"} or now - floor.asked_at <= look_s:
        return True
    if now - floor.seen_at >= refresh_s:
        return True
    if floor.agent == "speaking":
        return now - floor.agent_since > floor.agent_sound_s - LEAD_S
    return now - floor.quiet_since < LINGER_S


class Attention:
    """Attention that never ceases; the interface that sight asks (`watching`) and tells (the rest)."""

    def watching(self) -> bool:
        """Whether frames should come now."""
        return True

    def user(self, *, speaking: bool) -> None:
        """The caller begins or ceases to speak."""

    def agent(self, state: AgentState) -> None:
        """The agent does something else now."""

    def sound(self, seconds: float) -> None:
        """The agent's present or next speech has got so much more sound."""

    def asked(self) -> None:
        """A request looks."""

    def seen(self) -> None:
        """A frame came."""


class Adaptive(Attention):
    """Attention that follows the conversation."""

    def __init__(self, *, look_s: float, refresh_s: float, clock: Callable[[], float] = time.monotonic):
        """A request waits `look_s` seconds for a frame; in a long silence one is taken every `refresh_s` seconds."""
        self._look_s = look_s
        self._refresh_s = refresh_s
        self._clock = clock
        self._floor = Floor(quiet_since=clock())
        self._watching_since = NEVER
        self._watching = False

    def watching(self) -> bool:
        """Whether a frame may be needed soon, or the video has only just come back."""
        now = self._clock()
        before, self._watching = (
            self._watching,
            matters(self._floor, now, look_s=self._look_s, refresh_s=self._refresh_s),
        )
        if self._watching and not before:
            self._watching_since = now
        self._watching = self._watching or now - self._watching_since < HOLD_S
        return self._watching

    def user(self, *, speaking: bool) -> None:
        """The caller begins or ceases to speak."""
        self._floor.user_speaking = speaking
        if not speaking:
            self._floor.quiet_since = self._clock()

    def agent(self, state: AgentState) -> None:
        """The agent does something else now."""
        floor = self._floor
        if floor.agent == "speaking":
            floor.quiet_since = self._clock()
        if state != "speaking":
            floor.agent_sound_s = 0.0  # of a speech that is over, or of one that was never heard
        floor.agent, floor.agent_since = state, self._clock()

    def sound(self, seconds: float) -> None:
        """The agent's present or next speech has got so much more sound."""
        self._floor.agent_sound_s += seconds

    def asked(self) -> None:
        """A request looks."""
        self._floor.asked_at = self._clock()

    def seen(self) -> None:
        """A frame came."""
        self._floor.seen_at = self._clock()
