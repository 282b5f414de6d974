"""Listening, over the wire of Deepgram."""

import json
import re

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.control.entries import Entry
from sandbox.control.state import STATE, State, cut, drop, key_is_good
from sandbox.stt.listener import Listener

IDLE_S = 12.0
"""Seconds without sound or KeepAlive after which the provider hangs up."""

MAX_MESSAGE_BYTES = 1024 * 1024

_RATES_HZ = range(8_000, 48_001)


def add_routes(app: web.Application) -> None:
    """Serve `/v1/listen`."""
    app.router.add_get("/v1/listen", _listen)


def drop_listeners(state: State) -> int:
    """Break every live stream; how many there were."""
    listeners = list(state.listeners.values())
    for request, entry in listeners:
        entry.fault = "drop"
        state.record.close(entry, "error", "dropped, as ordered")
        drop(request)
    return len(listeners)


async def _listen(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Token "):
        return _refusal(401, "INVALID_AUTH", "Invalid credentials.")
    query = request.query
    rate = query.get("sample_rate", "")
    if query.get("encoding") != "linear16" or query.get("channels", "1") != "1":
        return _refusal(400, "Bad Request", "The sandbox hears encoding=linear16 with channels=1.")
    if not re.fullmatch(r"\d{4,5}", rate, re.ASCII) or int(rate) not in _RATES_HZ:
        return _refusal(400, "Bad Request", f"sample_rate is {rate!r}, it must be from 8000 to 48000.")
    entry = state.record.open("stt", model=query.get("model", ""))
    with state.record.keeping(entry):
        fault = state.faults.take("stt", ("error", "drop"))
        if fault:
            entry.fault = fault.kind
            state.record.close(entry, "error", f"{fault.kind}, as ordered")
            if fault.kind == "error":
                return _refusal(fault.status, "ordered", "This error was ordered.")
            drop(request)
            raise ConnectionResetError("dropped, as ordered")
        return await _hear(request, state, entry, int(rate))


async def _hear(request: web.Request, state: State, entry: Entry, rate: int) -> web.WebSocketResponse:
    # Not closed by itself: the end is noted first, because a client that is gone cancels this handler.
    ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, autoclose=False)
    await ws.prepare(request)
    state.sockets.add(ws)
    state.listeners[entry.id] = (request, entry)
    listener = Listener(state, entry, rate, send=ws.send_json, hang_up=lambda: cut(request))
    try:
        await _read(ws, listener)
    except TimeoutError:
        state.record.close(entry, "error", "no sound and no KeepAlive")
        await ws.close(code=WSCloseCode.INTERNAL_ERROR, message=b"NET-0001")
    else:
        if ws.close_code in (WSCloseCode.OK, None) and ws.exception() is None:
            state.record.close(entry, "ok")
        else:
            state.record.close(entry, "cancelled", f"the client closed with code {ws.close_code}")
        await ws.close()
    finally:
        del state.listeners[entry.id]
        state.sockets.discard(ws)
        await listener.aclose()
    return ws


async def _read(ws: web.WebSocketResponse, listener: Listener) -> None:
    """Read until the client closes.

    Raises:
        TimeoutError: The client said nothing for too long.
    """
    while True:
        message = await ws.receive(timeout=IDLE_S)
        if message.type is WSMsgType.BINARY:
            await listener.feed(message.data)
        elif message.type is WSMsgType.TEXT:
            command = _command(message.data)
            if command == "Finalize":
                await listener.finalize()
            elif command == "CloseStream":
                await listener.finish()
                await ws.send_json({"type": "Metadata", "request_id": "sandbox", "channels": 1})
                return
        else:
            return


def _command(text: str) -> str:
    """The type of a control message; unknown ones are ignored, as the provider does."""
    try:
        data = json.loads(text)
    except ValueError:
        return ""
    return str(data.get("type", "")) if isinstance(data, dict) else ""


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"err_code": code, "err_msg": message}, status=status)
