"""Speech, over the wire of OpenAI."""

import base64
import json
from typing import Any

from aiohttp import web

from sandbox.control.state import STATE, cut, drop, key_is_good
from sandbox.llm.refusal import Refusal
from sandbox.tts.context import Context, CutHere
from sandbox.tts.encoding import MIME, encoder
from sandbox.tts.speech import Speech

SAMPLE_RATE = 24_000
"""Hertz, of everything the provider speaks."""

MAX_INPUT_CHARS = 4_096
"""As the provider's."""

STREAM_FORMATS = ("audio", "sse")


def add_routes(app: web.Application) -> None:
    """Serve `/v1/audio/speech`."""
    app.router.add_post("/v1/audio/speech", _speech)


async def _speech(request: web.Request) -> web.StreamResponse:
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        return _refuse(Refusal(401, "Incorrect API key provided.", code="invalid_api_key"))
    state = request.app[STATE]
    try:
        order = read_order(await request.text())
    except Refusal as refusal:
        return _refuse(refusal)
    entry = state.record.open("tts", model=order["model"], vendor="openai")
    answer = _Answer(request, order, f"sandbox-{entry.id}")
    context = Context(
        "speech",
        entry=entry,
        record=state.record,
        speech=Speech(state.script, state.senses.voice),
        send=answer.send,
        sample_rate=SAMPLE_RATE,
        timestamps=False,
        fault=state.faults.take("tts", vendor="openai"),
    )
    await context.write(order["input"], flush=True, last=True)
    try:
        await context.run()
    except CutHere:
        (drop if entry.fault == "drop" else cut)(request)
        raise ConnectionResetError(f"{entry.fault}, as ordered") from None
    return await answer.finish()


class _Answer:
    """The sound of a context as the body of one answer: bytes of a file, or server-sent events that carry them."""

    def __init__(self, request: web.Request, order: dict[str, str], request_id: str) -> None:
        self._request = request
        self._request_id = request_id
        self._events = order["stream_format"] == "sse"
        self._mime = MIME[order["response_format"]]
        self._encoder = encoder(order["response_format"], SAMPLE_RATE)
        self._input = order["input"]
        self._sound_bytes = 0
        self._response: web.StreamResponse | None = None
        self._failed: web.Response | None = None

    async def send(self, message: dict[str, Any]) -> None:
        """Take one message of a context."""
        if message["type"] == "error":
            kind = "server_error" if message["status_code"] >= 500 else "invalid_request_error"
            self._failed = _refuse(Refusal(message["status_code"], message["error"], kind=kind, code="ordered"))
        elif message["type"] == "chunk":
            sound = base64.b64decode(message["data"])
            self._sound_bytes += len(sound)
            await self._write(self._encoder.push(sound))

    async def finish(self) -> web.StreamResponse:
        """The answer, complete."""
        if self._failed is not None and self._response is None:
            return self._failed
        await self._write(self._encoder.finish())
        if self._events:
            # A tenth of a second of sound counts as two tokens, four letters as one: near enough to be counted.
            spoken, read = self._sound_bytes * 20 // (2 * SAMPLE_RATE), len(self._input) // 4 + 1
            usage = {"input_tokens": read, "output_tokens": spoken, "total_tokens": read + spoken}
            await self._event({"type": "speech.audio.done", "usage": usage})
        response = await self._prepared()
        await response.write_eof()
        return response

    async def _write(self, made: bytes) -> None:
        if not made:
            return
        if self._events:
            await self._event({"type": "speech.audio.delta", "audio": base64.b64encode(made).decode()})
        else:
            await (await self._prepared()).write(made)

    async def _event(self, event: dict[str, Any]) -> None:
        await (await self._prepared()).write(f"data: {json.dumps(event)}\n\n".encode())

    async def _prepared(self) -> web.StreamResponse:
        if self._response is None:
            mime = "text/event-stream" if self._events else self._mime
            self._response = web.StreamResponse(headers={"Content-Type": mime, "x-request-id": self._request_id})
            await self._response.prepare(self._request)
        return self._response


def read_order(text: str) -> dict[str, str]:
    """Model, voice, input and formats of a request.

    Raises:
        Refusal: As the provider refuses it.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise Refusal(400, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refusal(400, "not a JSON object")
    order = {"response_format": "mp3", "stream_format": "audio"}
    for name in ("model", "voice", "input", "response_format", "stream_format"):
        value = data.get(name, order.get(name))
        if not isinstance(value, str) or not value:
            raise Refusal(400, f"{name} is {value!r}, it must be a text that is not empty", param=name)
        order[name] = value
    if len(order["input"]) > MAX_INPUT_CHARS:
        raise Refusal(400, f"input has {len(order['input']):,} characters, at most {MAX_INPUT_CHARS:,}", param="input")
    for name, allowed in (("response_format", tuple(MIME)), ("stream_format", STREAM_FORMATS)):
        if order[name] not in allowed:
            raise Refusal(400, f"{name} is {order[name]!r}, the sandbox knows {', '.join(allowed)}", param=name)
    return order


def _refuse(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body, status=refusal.status)
