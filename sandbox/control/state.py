"""What the providers of one sandbox share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.control.entries import Entry
from sandbox.control.faults import Fault, Faults
from sandbox.control.record import Record
from sandbox.control.script import Mode, Script
from sandbox.control.senses import Senses
from sandbox.llm.pictures import Pictures
from sandbox.llm.tokens import PromptCache
from sandbox.realtime.resumable import Resumable

WRONG_KEY = "wrong-key"
"""The key that every provider refuses."""


@dataclass
class Live:
    """A connection that lasts: faults that are ordered meanwhile reach it at once."""

    request: web.Request
    entry: Entry
    go_away: Callable[[float], None] | None = None
    """Tells the client that it has so many seconds left."""


@dataclass(frozen=True)
class Tls:
    """How a sandbox is reached by TLS."""

    url: str
    """Without a path."""
    authorities: str
    """The file of the certificate authorities that a client has to trust, the public ones among them."""


@dataclass
class State:
    """One sandbox, as its request handlers see it."""

    script: Script = field(default_factory=lambda: Script(Mode()))
    record: Record = field(default_factory=Record)
    faults: Faults = field(default_factory=Faults)
    senses: Senses = field(default_factory=Senses)
    pictures: Pictures = field(default_factory=Pictures)
    prompt_cache: PromptCache = field(default_factory=PromptCache)
    listeners: dict[int, Live] = field(default_factory=dict)
    """Listening streams by the id of their entry."""
    conversations: dict[int, Live] = field(default_factory=dict)
    """Conversations with a model that speaks, likewise."""
    resumable: Resumable = field(default_factory=Resumable)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    """Every open websocket, to be closed at the end."""
    tls: Tls | None = None
    """Set once it listens."""
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


def meet_live(fault: Fault, live: dict[int, Live], record: Record) -> bool:
    """Have every connection of a kind meet a fault that was just ordered; whether there was one that could."""
    met = [one for one in live.values() if fault.vendor in ("", one.entry.vendor)]
    if fault.kind == "go_away":
        met = [one for one in met if one.go_away is not None]
    elif fault.kind != "drop":
        return False
    for one in met:
        one.entry.fault = fault.kind
        if one.go_away is not None and fault.kind == "go_away":
            one.go_away(fault.delay_ms / 1000)
        else:
            record.close(one.entry, "error", "dropped, as ordered")
            drop(one.request)
    return bool(met)


def cut(request: web.Request) -> None:
    """End the connection in the middle: what was sent arrives, the rest never does."""
    if request.transport is not None:
        request.transport.close()
