"""An answer on the wire of OpenAI: words or a tool call, in one piece or many."""

import asyncio
import json
import re
import time
from typing import Any

from aiohttp import web

from sandbox.control.entries import Entry, ToolCall
from sandbox.control.state import cut
from sandbox.llm.exchange import Exchange
from sandbox.llm.mind import Answer
from sandbox.llm.tokens import call_tokens, text_tokens

_PIECES = re.compile(r"\S+\s*")


def whole(exchange: Exchange, answer: Answer) -> web.Response:
    """Answer in one piece."""
    exchange.state.record.first_byte(exchange.entry)
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(answer, ToolCall):
        exchange.entry.tool_call = answer
        exchange.entry.completion_tokens = call_tokens(answer)
        message["tool_calls"] = [_function(answer, json.dumps(answer.arguments))]
    else:
        exchange.entry.reply = message["content"] = answer
        exchange.entry.completion_tokens = text_tokens(answer)
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    body = _object(exchange, "chat.completion", [choice]) | {"usage": _usage(exchange.entry)}
    return web.json_response(body)


async def stream(exchange: Exchange, answer: Answer, piece_s: float) -> web.StreamResponse:
    """Answer piece by piece, `piece_s` seconds apart."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    response.enable_chunked_encoding()
    await response.prepare(exchange.request)
    first, deltas = _deltas(answer)
    await _send(response, exchange, [_choice(first)])
    for delta in deltas[: len(deltas) // 2] if exchange.cut else deltas:
        await _send(response, exchange, [_choice(delta)])
        exchange.state.record.first_byte(exchange.entry)
        _note(exchange.entry, delta, answer)
        if piece_s:
            await asyncio.sleep(piece_s)
    if exchange.cut and deltas:
        exchange.state.record.close(exchange.entry, "error", "cut, as ordered")
        cut(exchange.request)
        return response
    await _send(response, exchange, [_choice({}, finish=_reason(answer))])
    if exchange.asked.include_usage:
        await _send(response, exchange, [], _usage(exchange.entry))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _deltas(answer: Answer) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The delta that opens the stream, and those that carry the answer."""
    if isinstance(answer, str):
        return {"role": "assistant", "content": ""}, [{"content": piece} for piece in _PIECES.findall(answer)]
    # Id and name come once; the arguments follow in pieces that are no JSON by themselves.
    text = json.dumps(answer.arguments)
    pieces = [text[start : start + 8] for start in range(0, len(text), 8)]
    opening = {"index": 0, **_function(answer, "")}
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    return {"role": "assistant", "content": None, "tool_calls": [opening]}, deltas


def _note(entry: Entry, delta: dict[str, Any], answer: Answer) -> None:
    if isinstance(answer, ToolCall):
        entry.tool_call = answer
        entry.completion_tokens = call_tokens(answer)
    else:
        entry.reply += delta["content"]
        entry.completion_tokens = text_tokens(entry.reply)


async def _send(
    response: web.StreamResponse,
    exchange: Exchange,
    choices: list[dict[str, Any]],
    usage: dict[str, Any] | None = None,
) -> None:
    chunk = _object(exchange, "chat.completion.chunk", choices) | {"usage": usage}
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _object(exchange: Exchange, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{exchange.entry.id}",
        "object": kind,
        "created": int(time.time()),
        "model": exchange.asked.model,
        "choices": choices,
    }


def _function(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _reason(answer: Answer) -> str:
    return "tool_calls" if isinstance(answer, ToolCall) else "stop"


def _usage(entry: Entry) -> dict[str, Any]:
    return {
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "total_tokens": entry.prompt_tokens + entry.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": entry.cached_tokens},
    }
