"""The connection of a live conversation, whichever protocol it speaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.control.entries import Entry
from sandbox.control.state import STATE, Live, State, cut, drop

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
MAX_REASON_BYTES = 123
"""What a close frame has room for."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Ending(Exception):  # noqa: N818  # says what it is
    """The provider ends the connection."""

    def __init__(self, reason: str, code: int | None = None, last: dict[str, Any] | None = None) -> None:
        """Say how it ends.

        Args:
            reason: Why, in the provider's words.
            code: Of the close frame; None: the connection breaks without one.
            last: A message before that.
        """
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.last = last


class Session(Protocol):
    """One client's conversation, by one protocol."""

    @property
    def entry(self) -> Entry:
        """Its record."""

    @property
    def ended(self) -> asyncio.Future[Ending]:
        """Is set when the provider ends it by itself."""

    async def take(self, data: str | bytes) -> None:
        """Do what a message of the client asks for.

        Raises:
            Ending: That ends the connection.
        """

    def go_away(self, seconds: float) -> None:
        """Tell the client that it has so many seconds left."""

    async def aclose(self) -> None:
        """End what is under way."""


@asynccontextmanager
async def connected(request: web.Request, entry: Entry) -> AsyncIterator[web.WebSocketResponse]:
    """The client's socket, recorded as `entry`; where a drop is waiting, it is never opened.

    Raises:
        ConnectionResetError: It was dropped, as ordered.
    """
    state = request.app[STATE]
    with state.record.keeping(entry):
        if state.faults.take("realtime", ("drop",), vendor=entry.vendor):
            entry.fault = "drop"
            state.record.close(entry, "error", "dropped, as ordered")
            drop(request)
            raise ConnectionResetError("dropped, as ordered")
        ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, autoclose=False)
        await ws.prepare(request)
        state.sockets.add(ws)
        try:
            yield ws
        finally:
            state.sockets.discard(ws)


async def attend(request: web.Request, ws: web.WebSocketResponse, session: Session) -> None:
    """Let the client speak until either side has had enough."""
    state, entry = request.app[STATE], session.entry
    state.conversations[entry.id] = Live(request, entry, session.go_away)
    reading = asyncio.create_task(_read(ws, session))
    try:
        either: set[asyncio.Future[Any]] = {reading, session.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if session.ended.done():
            raise session.ended.result()
        await reading
        _note_close(state, entry, ws)
        await ws.close()
    except Ending as ending:
        state.record.close(entry, "error", ending.reason)
        if ending.last is not None:
            await ws.send_json(ending.last)
        if ending.code is None:
            cut(request)
        else:
            await ws.close(code=ending.code, message=ending.reason.encode()[:MAX_REASON_BYTES])
    finally:
        del state.conversations[entry.id]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await session.aclose()


def take_go_away(state: State, entry: Entry) -> float | None:
    """Seconds that a client has left, if it was ordered to go before it came."""
    fault = state.faults.take("realtime", ("go_away",), vendor=entry.vendor)
    if fault is None:
        return None
    entry.fault = fault.kind
    return fault.delay_ms / 1000


async def _read(ws: web.WebSocketResponse, session: Session) -> None:
    async for message in ws:
        if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
            session.entry.request_bytes += len(message.data)
            await session.take(message.data)


def _note_close(state: State, entry: Entry, ws: web.WebSocketResponse) -> None:
    if ws.close_code in (WSCloseCode.OK, None):
        state.record.close(entry, "ok")
    else:
        state.record.close(entry, "cancelled", f"the client closed with code {ws.close_code}")
