"""Live conversations, over the wire of OpenAI's Realtime API."""

from aiohttp import web

from sandbox.control.state import STATE, key_is_good
from sandbox.llm.refusal import Refusal
from sandbox.realtime.openai_session import Session
from sandbox.realtime.socket import attend, connected


def add_routes(app: web.Application) -> None:
    """Serve `/v1/realtime`."""
    app.router.add_get("/v1/realtime", _converse)


async def _converse(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        body = Refusal(401, "Incorrect API key provided.", code="invalid_api_key").body
        return web.json_response(body, status=401)
    entry = state.record.open("realtime", model=request.query.get("model", ""), vendor="openai")
    async with connected(request, entry) as ws:
        session = Session(state, entry, ws.send_json)
        await session.begin()
        await attend(request, ws, session)
    return ws
