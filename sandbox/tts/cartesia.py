"""Speech, over the wire of Cartesia."""

import asyncio
import base64
import json
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.control.state import STATE, State, cut, drop, key_is_good
from sandbox.tts.context import Context, CutHere, Send
from sandbox.tts.speech import Speech

MAX_CONTEXTS = 16
"""Contexts speaking at once on one socket."""

RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


class _BadRequest(Exception):  # noqa: N818  # says what it is
    """A message that the provider would refuse."""


def add_routes(app: web.Application) -> None:
    """Serve `/tts/websocket` and `/tts/bytes`."""
    app.router.add_get("/tts/websocket", _websocket)
    app.router.add_post("/tts/bytes", _bytes)


class _Socket:
    """One websocket and the contexts that speak on it."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._request = request
        self._state = request.app[STATE]
        self._ws = ws
        self._contexts: dict[str, Context] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # A context that failed must not begin again with the next sentence written to it.
        self._ended: deque[str] = deque(maxlen=64)

    async def serve(self) -> None:
        """Read until the client leaves."""
        try:
            async for message in self._ws:
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, text: str) -> None:
        data: dict[str, Any] = {}
        try:
            data = _object(text)
            await self._obey(data)
        except _BadRequest as error:
            await self._ws.send_json(
                {
                    "type": "error",
                    "context_id": data.get("context_id"),
                    "done": True,
                    "status_code": 400,
                    "error": str(error),
                }
            )

    async def _obey(self, data: dict[str, Any]) -> None:
        context_id = data.get("context_id")
        if not isinstance(context_id, str) or not context_id:
            raise _BadRequest("context_id is missing")
        if data.get("cancel"):
            if context_id in self._tasks:
                self._tasks[context_id].cancel()
            return
        transcript = data.get("transcript", "")
        if not isinstance(transcript, str):
            raise _BadRequest("transcript must be a text")
        last = not data.get("continue", False)
        if context_id in self._ended:
            raise _BadRequest("the context has ended")
        if context_id not in self._contexts:
            if last and not transcript.strip():
                raise _BadRequest("Invalid transcript: the transcript is empty")
            self._begin(context_id, data)
        # A delay of zero says that the client sends whole sentences; otherwise they are put together here.
        flush = data.get("max_buffer_delay_ms") == 0 or bool(data.get("flush"))
        await self._contexts[context_id].write(transcript, flush=flush, last=last)

    def _begin(self, context_id: str, data: dict[str, Any]) -> None:
        if len(self._contexts) >= MAX_CONTEXTS:
            raise _BadRequest(f"{len(self._contexts)} contexts are open, at most {MAX_CONTEXTS}")
        context = _context(context_id, data, _sample_rate(data), self._state, self._ws.send_json)
        self._contexts[context_id] = context
        task = asyncio.create_task(self._run(context))
        self._tasks[context_id] = task
        task.add_done_callback(lambda _: self._forget(context_id))

    async def _run(self, context: Context) -> None:
        try:
            await context.run()
        except CutHere:
            break_off(self._request, context)
        except ConnectionError:
            # The client left while something was being sent; the reading loop sees it too.
            return

    def _forget(self, context_id: str) -> None:
        self._ended.append(context_id)
        context = self._contexts.pop(context_id)
        # Still open only if it was cancelled before it could begin.
        self._state.record.close(context.entry, "cancelled", "cancelled before it began")
        self._tasks.pop(context_id, None)


async def _websocket(request: web.Request) -> web.StreamResponse:
    if not _key(request):
        return web.Response(status=401, text="Unauthorized: Invalid API key.")
    ws = web.WebSocketResponse(max_msg_size=1024 * 1024)
    await ws.prepare(request)
    sockets = request.app[STATE].sockets
    sockets.add(ws)
    try:
        await _Socket(request, ws).serve()
    finally:
        sockets.discard(ws)
    return ws


async def _bytes(request: web.Request) -> web.StreamResponse:
    if not _key(request):
        return web.Response(status=401, text="Unauthorized: Invalid API key.")
    state = request.app[STATE]
    try:
        data = _object(await request.text())
        rate = _sample_rate(data)
    except _BadRequest as error:
        return web.Response(status=400, text=str(error))
    answer = _BytesAnswer(request)
    context = _context("bytes", data, rate, state, answer.send)
    await context.write(str(data.get("transcript") or ""), flush=True, last=True)
    try:
        await context.run()
    except CutHere:
        break_off(request, context)
    return await answer.finish()


class _BytesAnswer:
    """The sound of a context as the body of one answer, without its envelopes."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None

    async def send(self, message: dict[str, Any]) -> None:
        """Take one message of a context."""
        if message["type"] == "error" and self._response is None:
            self._response = web.Response(status=message["status_code"], text=message["error"])
        elif message["type"] == "chunk":
            if self._response is None:
                self._response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
                await self._response.prepare(self._request)
            await self._response.write(base64.b64decode(message["data"]))

    async def finish(self) -> web.StreamResponse:
        """The answer, complete."""
        return self._response or web.Response(headers={"Content-Type": "audio/pcm"})


def _context(context_id: str, data: dict[str, Any], rate: int, state: State, send: Send) -> Context:
    return Context(
        context_id,
        entry=state.record.open("tts", model=str(data.get("model_id") or ""), vendor="cartesia"),
        record=state.record,
        speech=Speech(state.script, state.senses.voice),
        send=send,
        sample_rate=rate,
        timestamps=bool(data.get("add_timestamps")),
        fault=state.faults.take("tts", vendor="cartesia"),
    )


def break_off(request: web.Request, context: Context) -> None:
    """End the connection as the fault of `context` was ordered."""
    if context.entry.fault == "drop":
        drop(request)
    else:
        cut(request)


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _BadRequest(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise _BadRequest("not a JSON object")
    return data


def _sample_rate(data: dict[str, Any]) -> int:
    wanted = data.get("output_format") or {}
    if wanted.get("container") != "raw" or wanted.get("encoding") != "pcm_s16le":
        raise _BadRequest(f"output_format is {wanted!r}, the sandbox speaks raw pcm_s16le")
    rate = wanted.get("sample_rate")
    if rate not in RATES_HZ:
        raise _BadRequest(f"sample_rate is {rate!r}, allowed: {', '.join(map(str, RATES_HZ))}")
    return int(rate)


def _key(request: web.Request) -> bool:
    return key_is_good(request.headers.get("X-API-Key", ""))
