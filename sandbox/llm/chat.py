"""Chat completions, over the wire of OpenAI."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.control.entries import Entry
from sandbox.control.faults import HANG_S, Fault
from sandbox.control.state import STATE, State, cut, drop, key_is_good
from sandbox.llm import brain, completion
from sandbox.llm.completion import Completion, Refusal
from sandbox.llm.tokens import text_tokens

MODEL = "sandbox"
WORD_S = 0.008
"""Seconds between words of a stand-in's answer, about as fast as a real model writes."""

_PIECES = re.compile(r"\S+\s*")


def add_routes(app: web.Application) -> None:
    """Serve `/v1/chat/completions` and `/v1/models`."""
    app.router.add_get("/v1/models", _models)
    app.router.add_post("/v1/chat/completions", _completions)


@dataclass
class _Turn:
    """One request on its way through the handler."""

    request: web.Request
    state: State
    entry: Entry
    asked: Completion
    fault: Fault | None
    received: float
    """Loop time when the request arrived."""

    @property
    def slow_s(self) -> float:
        """Seconds added by an ordered fault."""
        return self.fault.delay_ms / 1000 if self.fault and self.fault.kind == "slow" else 0.0


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
    entry = state.record.open("llm")
    with state.record.keeping(entry):
        body = await request.read()
        entry.request_bytes = len(body)
        asked = await asyncio.to_thread(completion.read, body, state.pictures)
        entry.model, entry.messages = asked.model, asked.messages
        for sha256, (data, mime) in asked.images.items():
            state.record.keep_image(sha256, data, mime)
        entry.prompt_tokens, entry.cached_tokens = state.prompt_cache.count(asked.messages)
        turn = _Turn(request, state, entry, asked, _fault_for(state, asked), received)
        try:
            return await _respond(turn)
        except Refusal as refusal:
            state.record.close(entry, "error", str(refusal))
            return web.json_response(refusal.body, status=refusal.status)


def _fault_for(state: State, asked: Completion) -> Fault | None:
    if asked.images:
        return state.faults.take("llm")
    return state.faults.take("llm", ("error", "hang", "drop", "slow", "cut"))


async def _respond(turn: _Turn) -> web.StreamResponse:
    if turn.asked.refusal:
        raise turn.asked.refusal
    if turn.fault:
        turn.entry.fault = turn.fault.kind
        await _meet(turn, turn.fault)
    exact = turn.state.script.mode.exact
    reply = await _think(turn)
    delay_s = turn.slow_s + (turn.state.script.mode.llm_first_token_ms / 1000 if exact else 0)
    await asyncio.sleep(turn.received + delay_s - asyncio.get_running_loop().time())
    if not turn.asked.stream:
        return _whole(turn, reply)
    return await _stream(turn, reply, 0 if exact else WORD_S)


async def _meet(turn: _Turn, fault: Fault) -> None:
    """Go through a fault; those of the kinds `slow` and `cut` happen later."""
    if fault.kind == "error":
        raise Refusal(fault.status, "This error was ordered.", kind="server_error", code="ordered")
    if fault.kind == "refuse_image":
        raise Refusal(400, "This refusal was ordered.", code="invalid_image_format", param="messages")
    if fault.kind == "drop":
        turn.state.record.close(turn.entry, "error", "dropped, as ordered")
        drop(turn.request)
        raise ConnectionResetError("dropped, as ordered")
    if fault.kind == "hang":
        await asyncio.sleep(HANG_S)
        raise Refusal(504, "The ordered hang is over.", kind="server_error", code="ordered")


async def _think(turn: _Turn) -> str:
    state = turn.state
    users = [message.text for message in turn.asked.messages if message.role == "user"]
    scripted = state.script.answer(users[-1] if users else "", turn.entry.id)
    if scripted is not None:
        return scripted
    question = completion.question_of(turn.asked.messages)
    view = None
    if question.picture and (brain.needs_sight(question.text) or not question.text or question.notes.upload):
        data, _ = turn.asked.images[question.picture.sha256]
        view = await state.senses.eyes.look(data, question.picture.sha256)
    return brain.answer(question.text, view, question.notes)


def _whole(turn: _Turn, reply: str) -> web.Response:
    turn.state.record.first_byte(turn.entry)
    turn.entry.reply = reply
    turn.entry.completion_tokens = text_tokens(reply)
    choice = {"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}
    body = _object(turn, "chat.completion", [choice]) | {"usage": _usage(turn.entry)}
    return web.json_response(body)


async def _stream(turn: _Turn, reply: str, word_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    response.enable_chunked_encoding()
    await response.prepare(turn.request)
    pieces = _PIECES.findall(reply)
    kept = pieces[: len(pieces) // 2] if turn.fault and turn.fault.kind == "cut" else pieces
    await _send(response, turn, [_delta({"role": "assistant", "content": ""})])
    for piece in kept:
        await _send(response, turn, [_delta({"content": piece})])
        turn.state.record.first_byte(turn.entry)
        turn.entry.reply += piece
        turn.entry.completion_tokens = text_tokens(turn.entry.reply)
        if word_s:
            await asyncio.sleep(word_s)
    if len(kept) < len(pieces):
        turn.state.record.close(turn.entry, "error", "cut, as ordered")
        cut(turn.request)
        return response
    await _send(response, turn, [_delta({}, finish="stop")])
    if turn.asked.include_usage:
        await _send(response, turn, [], _usage(turn.entry))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _send(
    response: web.StreamResponse, turn: _Turn, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None
) -> None:
    chunk = _object(turn, "chat.completion.chunk", choices) | {"usage": usage}
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _object(turn: _Turn, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{turn.entry.id}",
        "object": kind,
        "created": int(time.time()),
        "model": turn.asked.model,
        "choices": choices,
    }


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _usage(entry: Entry) -> dict[str, Any]:
    return {
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "total_tokens": entry.prompt_tokens + entry.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": entry.cached_tokens},
    }


def _unauthorized() -> web.Response:
    body = Refusal(401, "Incorrect API key provided.", code="invalid_api_key").body
    return web.json_response(body, status=401)
