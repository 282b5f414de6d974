"""Listening, over the wire of Deepgram."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.control.entries import Entry
from sandbox.control.state import STATE, Live, State, cut, drop, key_is_good
from sandbox.stt.dialect import Dialect
from sandbox.stt.flux import Flux, Thresholds
from sandbox.stt.listener import Listener
from sandbox.stt.nova import Nova

IDLE_S = 12.0
"""Seconds without sound or KeepAlive after which the provider hangs up."""

MAX_MESSAGE_BYTES = 1024 * 1024

_RATES_HZ = range(8_000, 48_001)


def add_routes(app: web.Application) -> None:
    """Serve `/v1/listen` and, for the models that tell turns themselves, `/v2/listen`."""
    app.router.add_get("/v1/listen", _listen)
    app.router.add_get("/v2/listen", _listen)


async def _listen(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Token "):
        return _refusal(401, "INVALID_AUTH", "Invalid credentials.")
    query = request.query
    turns = request.path == "/v2/listen"
    try:
        rate = _rate(query, turns=turns)
        thresholds = Thresholds().changed(query)
    except ValueError as error:
        return _refusal(400, "Bad Request", str(error))
    entry = state.record.open("stt", model=query.get("model", ""), vendor="deepgram")
    with state.record.keeping(entry):
        fault = state.faults.take("stt", ("error", "drop"), vendor="deepgram")
        if fault:
            entry.fault = fault.kind
            state.record.close(entry, "error", f"{fault.kind}, as ordered")
            if fault.kind == "error":
                return _refusal(fault.status, "ordered", "This error was ordered.")
            drop(request)
            raise ConnectionResetError("dropped, as ordered")
        number = f"sandbox-{entry.id}"
        dialect = Flux(number, thresholds) if turns else Nova(number, state.stt_hangover_ms)
        return await _hear(request, state, entry, rate, dialect)


def _rate(query: Mapping[str, str], *, turns: bool) -> int:
    """The sample rate that a client asked for, if all it asked for can be had.

    Raises:
        ValueError: It can't.
    """
    model, rate = query.get("model", ""), query.get("sample_rate", "")
    if query.get("encoding") != "linear16" or query.get("channels", "1") != "1":
        raise ValueError("The sandbox hears encoding=linear16 with channels=1.")
    if not re.fullmatch(r"\d{4,5}", rate, re.ASCII) or int(rate) not in _RATES_HZ:
        raise ValueError(f"sample_rate is {rate!r}, it must be from 8000 to 48000.")
    if model.startswith("flux") is not turns:
        served = "/v2/listen serves flux models alone" if turns else "flux models are served at /v2/listen"
        raise ValueError(f"model is {model!r}: {served}.")
    return int(rate)


async def _hear(request: web.Request, state: State, entry: Entry, rate: int, dialect: Dialect) -> web.WebSocketResponse:
    # Not closed by itself: the end is noted first, because a client that is gone cancels this handler.
    ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, autoclose=False)
    await ws.prepare(request)
    state.sockets.add(ws)
    state.listeners[entry.id] = Live(request, entry)
    listener = Listener(state, entry, rate, dialect, send=ws.send_json, hang_up=lambda: cut(request))
    try:
        if isinstance(dialect, Flux):
            await ws.send_json(dialect.connected())
        await _read(ws, listener, dialect)
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


async def _read(ws: web.WebSocketResponse, listener: Listener, dialect: Dialect) -> None:
    """Read until the client closes.

    Raises:
        TimeoutError: The client said nothing for too long.
    """
    while True:
        message = await ws.receive(timeout=IDLE_S)
        if message.type is WSMsgType.BINARY:
            await listener.feed(message.data)
        elif message.type is WSMsgType.TEXT:
            order = _order(message.data)
            if order.get("type") == "Finalize":
                await listener.finalize()
            elif order.get("type") == "Configure" and isinstance(dialect, Flux):
                await ws.send_json(dialect.configure(order))
            elif order.get("type") == "CloseStream":
                await listener.finish()
                if not isinstance(dialect, Flux):
                    await ws.send_json({"type": "Metadata", "request_id": "sandbox", "channels": 1})
                return
        else:
            return


def _order(text: str) -> dict[str, Any]:
    """A control message; one that can't be read is ignored, as the provider does."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"err_code": code, "err_msg": message}, status=status)
