"""Listening to a file, over the wire of OpenAI."""

import asyncio
import io
import wave
from typing import Any

from aiohttp import web

from sandbox.control.entries import Entry, Utterance
from sandbox.control.faults import HANG_S, Fault
from sandbox.control.state import STATE, State, cut, drop, key_is_good
from sandbox.llm.refusal import Refusal
from sandbox.stt.transcribe import transcribe

MAX_FILE_BYTES = 25 * 1024 * 1024
"""As the provider's."""

FORMATS = ("json", "verbose_json")


def add_routes(app: web.Application) -> None:
    """Serve `/v1/audio/transcriptions`."""
    app.router.add_post("/v1/audio/transcriptions", _transcriptions)


async def _transcriptions(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    if not key_is_good(request.headers.get("Authorization", ""), "Bearer "):
        return _answer(Refusal(401, "Incorrect API key provided.", code="invalid_api_key"))
    entry = state.record.open("stt", vendor="openai")
    with state.record.keeping(entry):
        try:
            form = await _form(request)
            entry.model = form.get("model", "")
            sound, rate = read_wav(form.get("file", b""))
            entry.request_bytes = len(sound)
            wanted = form.get("response_format", "json")
            if wanted not in FORMATS:
                raise Refusal(400, f"response_format is {wanted!r}, the sandbox writes {', '.join(FORMATS)}")  # noqa: TRY301
            if fault := state.faults.take("stt", vendor="openai"):
                await _meet(request, state, entry, fault)
            text = await _hear(state, entry, sound, rate)
        except Refusal as refusal:
            state.record.close(entry, "error", str(refusal))
            return _answer(refusal)
        length_s = len(sound) / 2 / rate
        body: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": round(length_s)}}
        if wanted == "verbose_json":
            body |= {"task": "transcribe", "language": "english", "duration": length_s}
        if entry.fault == "cut":
            await _send_half(request, body)
            state.record.close(entry, "error", "cut, as ordered")
            cut(request)
            raise ConnectionResetError("cut, as ordered")
        return web.json_response(body)


async def _form(request: web.Request) -> dict[str, Any]:
    if not request.content_type.startswith("multipart/"):
        raise Refusal(400, f"the body is {request.content_type}, it must be multipart/form-data")
    fields: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            with value.file as file:
                fields[name] = await asyncio.to_thread(file.read)
        else:
            fields[name] = value
    return fields


def read_wav(file: object) -> tuple[bytes, int]:
    """PCM (s16le, mono) and sample rate of a WAV file.

    Raises:
        Refusal: It is no such file.
    """
    if not isinstance(file, bytes) or not file:
        raise Refusal(400, "The field file is missing.", param="file")
    if len(file) > MAX_FILE_BYTES:
        raise Refusal(413, f"{len(file):,} bytes of sound, at most {MAX_FILE_BYTES:,}", param="file")
    try:
        with wave.open(io.BytesIO(file)) as sound:
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                raise Refusal(400, "The sandbox hears one channel of 16 bits.", param="file")
            return sound.readframes(sound.getnframes()), sound.getframerate()
    except (wave.Error, EOFError) as error:
        raise Refusal(400, f"Invalid file format: {error}", param="file") from error


async def _hear(state: State, entry: Entry, sound: bytes, rate: int) -> str:
    now = state.record.now()
    # A file says nothing about when it was spoken, but that it is over.
    utterance = Utterance(now - len(sound) / 2 / rate, now)
    entry.utterances.append(utterance)
    utterance.text = await transcribe(state, utterance, sound, rate)
    utterance.final = state.record.now()
    state.record.first_byte(entry)
    return utterance.text


async def _meet(request: web.Request, state: State, entry: Entry, fault: Fault) -> None:
    """Go through a fault; a `cut` happens later."""
    entry.fault = fault.kind
    if fault.kind == "error":
        raise Refusal(fault.status, "This error was ordered.", kind="server_error", code="ordered")
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay_ms / 1000)
    elif fault.kind == "drop":
        state.record.close(entry, "error", "dropped, as ordered")
        drop(request)
        raise ConnectionResetError("dropped, as ordered")
    elif fault.kind == "hang":
        await asyncio.sleep(HANG_S)
        raise Refusal(504, "The ordered hang is over.", kind="server_error", code="ordered")


async def _send_half(request: web.Request, body: dict[str, Any]) -> None:
    whole = web.json_response(body)
    half = web.StreamResponse(headers={"Content-Type": "application/json"})
    half.content_length = len(whole.body)  # type: ignore[arg-type]  # bytes, since it was made of text
    await half.prepare(request)
    await half.write(whole.body[: len(whole.body) // 2])  # type: ignore[arg-type,index]


def _answer(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body, status=refusal.status)
