"""What the providers of one sandbox share."""

from dataclasses import dataclass, field

from aiohttp import web

from sandbox.control.entries import Entry
from sandbox.control.faults import Faults
from sandbox.control.record import Record
from sandbox.control.script import Mode, Script
from sandbox.control.senses import Senses
from sandbox.llm.pictures import Pictures
from sandbox.llm.tokens import PromptCache

WRONG_KEY = "wrong-key"
"""The key that every provider refuses."""


@dataclass
class State:
    """One sandbox, as its request handlers see it."""

    script: Script = field(default_factory=lambda: Script(Mode()))
    record: Record = field(default_factory=Record)
    faults: Faults = field(default_factory=Faults)
    senses: Senses = field(default_factory=Senses)
    pictures: Pictures = field(default_factory=Pictures)
    prompt_cache: PromptCache = field(default_factory=PromptCache)
    listeners: dict[int, tuple[web.Request, Entry]] = field(default_factory=dict)
    """Live listening streams by the id of their entry: an ordered drop reaches them at once."""
    conversations: dict[int, tuple[web.Request, Entry]] = field(default_factory=dict)
    """Live conversations, likewise."""
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    """Every open websocket, to be closed at the end."""
    stt_hangover_ms: int = 250
    """Silence that ends an utterance."""
    models: bool = True
    """Whether the senses are, or will be, loaded."""


STATE: web.AppKey[State] = web.AppKey("state", State)


def key_is_good(authorization: str, scheme: str = "") -> bool:
    """Whether a key header opens the door: `scheme` and any key except the wrong one."""
    if not authorization.startswith(scheme):
        return False
    key = authorization.removeprefix(scheme).strip()
    return bool(key) and key != WRONG_KEY


def drop(request: web.Request) -> None:
    """Break the connection without a word, as a crashed peer would."""
    if request.transport is not None:
        request.transport.abort()


def drop_all(streams: dict[int, tuple[web.Request, Entry]], record: Record) -> bool:
    """Break every live connection of one kind, as ordered; whether there was one."""
    for request, entry in (live := list(streams.values())):
        entry.fault = "drop"
        record.close(entry, "error", "dropped, as ordered")
        drop(request)
    return bool(live)


def cut(request: web.Request) -> None:
    """End the connection in the middle: what was sent arrives, the rest never does."""
    if request.transport is not None:
        request.transport.close()
