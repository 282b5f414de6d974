"""What the caller heard and saw of the agent, in order and with the time of each."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

MAX_EVENTS = 1_000
"""Of each type; the oldest goes first, since scripts wait for what comes."""

MAX_SNAPSHOTS = 32
"""Fewer, as each holds a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Never used directly."""

    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentJoined(Event):
    """The agent is in the room."""

    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLeft(Event):
    """The agent is no longer in the room."""

    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState(Event):
    """The attribute `lk.agent.state` changed."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionStatus(Event):
    """The attribute `vision.status` changed."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBegan(Event):
    """The agent's track went from silence to sound, at its first voiced frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEnded(Event):
    """The agent's track fell silent; `at` is its last voiced frame, 0.3 s before this is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(Event):
    """One stream of `lk.transcription`, at its end."""

    speaker: str
    """The identity of who said it: the agent's, or the caller's own."""
    segment: str
    text: str
    final: bool
    started: float
    """Unix seconds, when the stream was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus(Event):
    """A message of `images.status`, as sent: `stream_id`, `status`, `code` and more."""

    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCompleted(Event):
    """A message of `turn.completed`, as sent."""

    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Event):
    """A picture of `vision.snapshot`: what the model was shown."""

    data: bytes = field(repr=False)
    attributes: dict[str, str]


E = TypeVar("E", bound=Event)
T = TypeVar("T")


class Journal:
    """Events by type, bounded, to look up and to wait for."""

    def __init__(self) -> None:
        self._events: dict[type[Event], deque[Event]] = {}
        self._listeners: list[Callable[[Event], None]] = []
        self._changed = asyncio.Event()

    def add(self, event: Event) -> None:
        """Write an event down and wake whoever waits."""
        kind = type(event)
        limit = MAX_SNAPSHOTS if kind is Snapshot else MAX_EVENTS
        self._events.setdefault(kind, deque(maxlen=limit)).append(event)
        self._changed.set()
        for listener in self._listeners:
            listener(event)

    def on_event(self, listener: Callable[[Event], None]) -> None:
        """Call a function with each further event, at once."""
        self._listeners.append(listener)

    def touch(self) -> None:
        """Wake whoever waits, for a change that is no event."""
        self._changed.set()

    def of(self, kind: type[E], after: float = 0.0) -> list[E]:
        """Give the events of a type that happened later than `after` (unix seconds), oldest first."""
        return [event for event in self._events.get(kind, ()) if isinstance(event, kind) and event.at > after]

    def last(self, kind: type[E]) -> E | None:
        """Give the newest event of a type."""
        return next(reversed(self.of(kind)), None)

    async def until(self, find: Callable[[], T | None], timeout_s: float) -> T:
        """Wait until `find`, asked anew after each event, finds something.

        Raises:
            TimeoutError: It did not in time.
        """
        async with asyncio.timeout(timeout_s):
            while (found := find()) is None:
                self._changed.clear()
                await self._changed.wait()
            return found

    async def wait_for(
        self,
        kind: type[E],
        *,
        after: float = 0.0,
        where: Callable[[E], bool] = lambda _: True,
        timeout_s: float = 10.0,
    ) -> E:
        """Wait for the first event of a type later than `after` that fits.

        Raises:
            TimeoutError: None came in time.
        """
        return await self.until(lambda: next(filter(where, self.of(kind, after)), None), timeout_s)
