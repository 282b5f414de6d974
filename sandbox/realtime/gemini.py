"""Live conversations, over the wire of Gemini's Live API.

Source: Google's "Live API - WebSockets API reference".
"""

from aiohttp import web

from sandbox.control.state import STATE, key_is_good
from sandbox.realtime.gemini_session import Session
from sandbox.realtime.gemini_wire import wrong_key
from sandbox.realtime.socket import attend, connected

PATH = "/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"


def add_routes(app: web.Application) -> None:
    """Serve `BidiGenerateContent`, in whatever version of the API."""
    app.router.add_get(PATH, _converse)


async def _converse(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("x-goog-api-key") or request.query.get("key", "")):
        return await _refuse(request)
    entry = state.record.open("realtime", vendor="google")
    async with connected(request, entry) as ws:
        await attend(request, ws, Session(state, entry, ws.send_json))
    return ws


async def _refuse(request: web.Request) -> web.StreamResponse:
    """The connection is made, and ended at the first message."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.receive()
    ending = wrong_key()
    await ws.close(code=ending.code or 0, message=ending.reason.encode())
    return ws
