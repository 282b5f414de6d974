"""Live conversations, over the wire of OpenAI's Realtime API."""

import asyncio

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.control.state import STATE, State, cut, drop, key_is_good
from sandbox.llm.refusal import Refusal
from sandbox.realtime.openai_response import SessionExpiredError
from sandbox.realtime.openai_session import Session

MAX_MESSAGE_BYTES = 32 * 1024 * 1024


def add_routes(app: web.Application) -> None:
    """Serve `/v1/realtime`."""
    app.router.add_get("/v1/realtime", _converse)


async def _converse(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        body = Refusal(401, "Incorrect API key provided.", code="invalid_api_key").body
        return web.json_response(body, status=401)
    entry = state.record.open("realtime", model=request.query.get("model", ""), vendor="openai")
    with state.record.keeping(entry):
        if state.faults.take("realtime", ("drop",), vendor="openai"):
            entry.fault = "drop"
            state.record.close(entry, "error", "dropped, as ordered")
            drop(request)
            raise ConnectionResetError("dropped, as ordered")
        ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, autoclose=False)
        await ws.prepare(request)
        state.sockets.add(ws)
        state.conversations[entry.id] = (request, entry)
        session = Session(state, entry, ws.send_json)
        try:
            await _read(request, state, ws, session)
        finally:
            del state.conversations[entry.id]
            state.sockets.discard(ws)
            await session.aclose()
    return ws


async def _read(request: web.Request, state: State, ws: web.WebSocketResponse, session: Session) -> None:
    await session.begin()
    reading = asyncio.create_task(_messages(ws, session))
    expiring = asyncio.create_task(session.expired.wait())
    try:
        await asyncio.wait({reading, expiring}, return_when=asyncio.FIRST_COMPLETED)
        if expiring.done():
            await ws.send_json(_error(Refusal(400, "Your session hit the maximum duration.", code="session_expired")))
            state.record.close(session.entry, "error", str(SessionExpiredError.__doc__))
            cut(request)
            return
        await reading
        code = ws.close_code
        if code in (WSCloseCode.OK, None):
            state.record.close(session.entry, "ok")
        else:
            state.record.close(session.entry, "cancelled", f"the client closed with code {code}")
        await ws.close()
    finally:
        for task in (reading, expiring):
            task.cancel()
        await asyncio.gather(reading, expiring, return_exceptions=True)


async def _messages(ws: web.WebSocketResponse, session: Session) -> None:
    async for message in ws:
        if message.type is not WSMsgType.TEXT:
            continue
        session.entry.request_bytes += len(message.data)
        data = message.json()
        try:
            await session.take(data)
        except Refusal as refusal:
            await ws.send_json(_error(refusal, data.get("event_id")))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            unread = Refusal(400, f"We could not parse the event: {error!r}")
            await ws.send_json(_error(unread, data.get("event_id")))


def _error(refusal: Refusal, event_id: str | None = None) -> dict[str, object]:
    return {"type": "error", "event_id": "event_error", "error": {**refusal.body["error"], "event_id": event_id}}
