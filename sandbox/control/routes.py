"""The sandbox's own addresses: its script, its faults and its record."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.control.entries import PROVIDERS
from sandbox.control.faults import Fault
from sandbox.control.orders import BadOrder
from sandbox.control.script import Line
from sandbox.control.state import STATE, meet_live


def add_routes(app: web.Application) -> None:
    """Serve everything below `/sandbox`."""
    app.router.add_post("/sandbox/script", _add_line)
    app.router.add_delete("/sandbox/script", _clear_script)
    app.router.add_get("/sandbox/mode", _mode)
    app.router.add_post("/sandbox/mode", _change_mode)
    app.router.add_get("/sandbox/faults", _faults)
    app.router.add_post("/sandbox/faults", _order_fault)
    app.router.add_delete("/sandbox/faults", _clear_faults)
    app.router.add_get("/sandbox/requests", _requests)
    app.router.add_delete("/sandbox/requests", _clear_requests)
    app.router.add_get("/sandbox/images/{sha256}", _image)
    app.router.add_get("/sandbox/tls", _tls)


@web.middleware
async def answer_bad_orders(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn a bad order into an answer with its sentence."""
    try:
        return await handler(request)
    except BadOrder as error:
        return web.json_response({"error": str(error)}, status=400)


async def _add_line(request: web.Request) -> web.Response:
    request.app[STATE].script.add(Line.from_json(await _object(request)))
    return web.json_response({})


async def _clear_script(request: web.Request) -> web.Response:
    return web.json_response({"unheard": request.app[STATE].script.clear()})


async def _mode(request: web.Request) -> web.Response:
    return web.json_response(asdict(request.app[STATE].script.mode))


async def _change_mode(request: web.Request) -> web.Response:
    state = request.app[STATE]
    mode = state.script.mode.changed(await _object(request))
    if not mode.exact and not state.models:
        raise BadOrder("exact is false, but this sandbox was started without its models, allowed: true")
    state.script.mode = mode
    return web.json_response(asdict(mode))


async def _faults(request: web.Request) -> web.Response:
    return web.json_response([asdict(fault) for fault in request.app[STATE].faults.waiting()])


async def _order_fault(request: web.Request) -> web.Response:
    state = request.app[STATE]
    fault = Fault.from_json(await _object(request))
    state.faults.order(fault)
    # Connections that last meet it now, and together count as one request.
    live = {"stt": state.listeners, "realtime": state.conversations}.get(fault.provider, {})
    if meet_live(fault, live, state.record):
        state.faults.take(fault.provider, (fault.kind,), vendor=fault.vendor)
    return web.json_response({})


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[STATE].faults.clear()
    return web.json_response({})


async def _requests(request: web.Request) -> web.Response:
    provider = next((name for name in PROVIDERS if name == request.query.get("provider")), None)
    if provider is None and "provider" in request.query:
        raise BadOrder(f"provider is {request.query['provider']!r}, allowed: {', '.join(PROVIDERS)}")
    since = request.query.get("since", "0")
    if not since.isascii() or not since.isdigit():
        raise BadOrder(f"since is {since!r}, it must be the id of a request")
    entries = request.app[STATE].record.entries(provider, int(since))
    return web.json_response([entry.to_json() for entry in entries])


async def _clear_requests(request: web.Request) -> web.Response:
    request.app[STATE].record.clear()
    return web.json_response({})


async def _image(request: web.Request) -> web.Response:
    image = request.app[STATE].record.image(request.match_info["sha256"])
    if image is None:
        return web.json_response({"error": "no request held that image, or it was too long ago"}, status=404)
    return web.Response(body=image.data, content_type=image.mime)


async def _tls(request: web.Request) -> web.Response:
    tls = request.app[STATE].tls
    assert tls is not None, "it listens"
    return web.json_response(asdict(tls))


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        data = await request.json()
    except ValueError as error:
        raise BadOrder(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadOrder("not a JSON object")
    return data
