"""Chat completions, over the wire of OpenAI."""

import asyncio

from aiohttp import web

from sandbox.control.faults import HANG_S, Fault
from sandbox.control.state import STATE, State, drop, key_is_good
from sandbox.llm import completion
from sandbox.llm.completion import Completion
from sandbox.llm.exchange import Exchange
from sandbox.llm.mind import Answer, think
from sandbox.llm.refusal import Refusal
from sandbox.llm.stream import stream, whole

MODEL = "sandbox"
WORD_S = 0.008
"""Seconds between words of a stand-in's answer, about as fast as a real model writes."""


def add_routes(app: web.Application) -> None:
    """Serve `/v1/chat/completions` and `/v1/models`."""
    app.router.add_get("/v1/models", _models)
    app.router.add_post("/v1/chat/completions", _completions)


async def _models(request: web.Request) -> web.Response:
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        return _unauthorized()
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "sighted"}
    return web.json_response({"object": "list", "data": [model]})


async def _completions(request: web.Request) -> web.StreamResponse:
    received = asyncio.get_running_loop().time()
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        return _unauthorized()
    entry = state.record.open("llm", vendor="openai")
    with state.record.keeping(entry):
        body = await request.read()
        entry.request_bytes = len(body)
        asked = await asyncio.to_thread(completion.read, body, state.pictures)
        entry.model, entry.messages, entry.tools = asked.model, asked.messages, list(asked.tools.names)
        for sha256, (data, mime) in asked.images.items():
            state.record.keep_image(sha256, data, mime)
        entry.prompt_tokens, entry.cached_tokens = state.prompt_cache.count(asked.messages, asked.tools.definition)
        exchange = Exchange(request, state, entry, asked, _fault_for(state, asked), received)
        try:
            return await _respond(exchange)
        except Refusal as refusal:
            state.record.close(entry, "error", str(refusal))
            return web.json_response(refusal.body, status=refusal.status)


def _fault_for(state: State, asked: Completion) -> Fault | None:
    if asked.images:
        return state.faults.take("llm", vendor="openai")
    return state.faults.take("llm", ("error", "hang", "drop", "slow", "cut"), vendor="openai")


async def _respond(exchange: Exchange) -> web.StreamResponse:
    if exchange.asked.refusal:
        raise exchange.asked.refusal
    if exchange.fault:
        exchange.entry.fault = exchange.fault.kind
        await _meet(exchange, exchange.fault)
    mode = exchange.state.script.mode
    answer = await _think(exchange)
    delay_s = exchange.slow_s + (mode.llm_first_token_ms / 1000 if mode.exact else 0)
    await asyncio.sleep(exchange.received + delay_s - asyncio.get_running_loop().time())
    if not exchange.asked.stream:
        return whole(exchange, answer)
    return await stream(exchange, answer, 0 if mode.exact else WORD_S)


async def _meet(exchange: Exchange, fault: Fault) -> None:
    """Go through a fault; those of the kinds `slow` and `cut` happen later."""
    if fault.kind == "error":
        raise Refusal(fault.status, "This error was ordered.", kind="server_error", code="ordered")
    if fault.kind == "refuse_image":
        raise Refusal(400, "This refusal was ordered.", code="invalid_image_format", param="messages")
    if fault.kind == "drop":
        exchange.state.record.close(exchange.entry, "error", "dropped, as ordered")
        drop(exchange.request)
        raise ConnectionResetError("dropped, as ordered")
    if fault.kind == "hang":
        await asyncio.sleep(HANG_S)
        raise Refusal(504, "The ordered hang is over.", kind="server_error", code="ordered")


async def _think(exchange: Exchange) -> Answer:
    asked = exchange.asked
    return await think(
        exchange.state,
        exchange.entry,
        asked.messages,
        offered=asked.tools.allowed,
        must_call=asked.tools.must_call,
        picture=lambda sha256: asked.images[sha256][0],
    )


def _unauthorized() -> web.Response:
    body = Refusal(401, "Incorrect API key provided.", code="invalid_api_key").body
    return web.json_response(body, status=401)
