"""The whole server over its wire, in exact mode: no models, real sockets on loopback."""

import asyncio
import base64
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.control.client import SandboxClient
from sandbox.control.faults import Kind
from sandbox.control.orders import BadOrder
from sandbox.control.script import UNSCRIPTED, Mode
from sandbox.server import Options, Sandbox, parse
from sandbox.tts import pcm

HZ = 16_000
LISTEN = f"/v1/listen?model=nova-3&encoding=linear16&sample_rate={HZ}"
KEYS = {"Authorization": "Bearer any", "X-API-Key": "any"}
TOKEN = {"Authorization": "Token any"}


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """A client session."""
    async with aiohttp.ClientSession(sandbox.url, headers=KEYS) as session:
        yield session


def jpeg() -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


def body(text: str, *images: bytes, **more: object) -> dict[str, Any]:
    """A completion request with one user message."""
    urls = ["data:image/jpeg;base64," + base64.b64encode(image).decode() for image in images]
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content.append({"type": "text", "text": text})
    return {"model": "sandbox", "messages": [{"role": "user", "content": content}], **more}


async def ask(http: aiohttp.ClientSession, text: str, *images: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a completion that is not streamed."""
    async with http.post("/v1/chat/completions", json=body(text, *images)) as response:
        return response.status, await response.json()


async def utter(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Half a second of voice and the silence after it, as fast as the socket takes it."""
    for piece in pcm.chunks(bytes(HZ) + pcm.hum("x" * 9, HZ) + bytes(HZ), HZ, 50):
        await ws.send_bytes(piece)


async def final(ws: aiohttp.ClientWebSocketResponse) -> str:
    """The next final transcript."""
    while True:
        message = await asyncio.wait_for(ws.receive_json(), 5)
        if message["type"] == "Results" and message["is_final"]:
            return str(message["channel"]["alternatives"][0]["transcript"])


async def test_it_is_healthy_without_models(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Nothing has to load in exact mode."""
    await client.ready(1)
    async with http.get("/healthz") as response:
        assert response.status == 200
    async with http.get("/v1/models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == ["sandbox"]


@pytest.mark.parametrize("key", ["wrong-key", ""])
async def test_wrong_keys_are_refused_everywhere(sandbox: Sandbox, key: str) -> None:
    """401 from every provider, each in its own header."""
    headers = {"Authorization": f"Bearer {key}", "X-API-Key": key}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as http:
        for path in ("/v1/models", "/tts/websocket"):
            async with http.get(path) as response:
                assert response.status == 401
        async with http.get(LISTEN, headers={"Authorization": f"Token {key}"}) as response:
            assert response.status == 401
        async with http.get(LISTEN.replace("v1", "v2"), headers={"Authorization": f"Token {key}"}) as response:
            assert response.status == 401
        for path in ("/v1/chat/completions", "/tts/bytes", "/v1/audio/speech", "/v1/audio/transcriptions"):
            async with http.post(path, json={}) as response:
                assert response.status == 401


async def test_a_stream_has_tokens_usage_and_an_end(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """The chunks add up to the reply, after the ordered delay."""
    await client.mode(llm_first_token_ms=150)
    began = time.monotonic()
    asked = body("Hello", stream=True, stream_options={"include_usage": True})
    async with http.post("/v1/chat/completions", json=asked) as response:
        assert response.content_type == "text/event-stream"
        lines = [line.decode().strip() async for line in response.content if line.strip()]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    (entry,) = await client.requests("llm")
    reply = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    assert reply == entry.reply == f"Answer {entry.id}."
    assert chunks[-1]["usage"]["completion_tokens"] == entry.completion_tokens > 0
    assert entry.first_byte is not None
    assert 0.15 <= entry.first_byte - entry.started <= time.monotonic() - began


async def test_scripted_words_lead_to_the_scripted_answer(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Heard as written, answered as written, both on the record."""
    await client.script("What number?", "Answer seven.")
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await utter(ws)
        assert await final(ws) == "What number?"
        await utter(ws)
        assert await final(ws) == UNSCRIPTED
    _, reply = await ask(http, "What number?\n[camera: muted]")
    assert reply["choices"][0]["message"]["content"] == "Answer seven."
    heard = (await client.requests("stt"))[0].utterances
    assert [(utterance.text, utterance.source) for utterance in heard] == [
        ("What number?", "script"),
        (UNSCRIPTED, "unscripted"),
    ]
    assert all(u.speech_ended and u.final and u.speech_started < u.final for u in heard)


async def test_finalize_and_close_send_what_is_due(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """No silence is needed to end an utterance by command, and the stream closes politely."""
    await client.script("One.")
    await client.script("Two.")
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await ws.send_str('{"type": "KeepAlive"}')
        await ws.send_bytes(pcm.hum("x" * 9, HZ))
        await ws.send_str('{"type": "Finalize"}')
        assert await final(ws) == "One."
        await ws.send_bytes(pcm.hum("x" * 9, HZ))
        await ws.send_str('{"type": "CloseStream"}')
        assert await final(ws) == "Two."
        assert (await ws.receive_json())["type"] == "Metadata"
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
    entry = await client.wait_for(lambda entry: entry.status != "open", "stt")
    assert entry.status == "ok"


@pytest.mark.parametrize("query", ["encoding=opus&sample_rate=16000", "encoding=linear16&sample_rate=x", ""])
async def test_unknown_sound_is_refused(http: aiohttp.ClientSession, query: str) -> None:
    """The stream says what it hears instead of hearing nonsense."""
    async with http.get(f"/v1/listen?{query}", headers=TOKEN) as response:
        assert response.status == 400
        assert (await response.json())["err_msg"]


async def test_images_are_recorded_byte_for_byte(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """With their size, and under their hash."""
    status, _ = await ask(http, "Look", jpeg())
    assert status == 200
    (image,) = (await client.requests("llm"))[0].messages[0].images
    assert (image.width, image.height, image.bytes) == (64, 48, len(jpeg()))
    assert await client.image(image.sha256) == jpeg()
    await client.clear()
    assert await client.requests() == []
    with pytest.raises(KeyError):
        await client.image(image.sha256)


async def test_a_broken_image_is_refused_as_by_the_provider(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """400 in the provider's shape, naming the place; the record says error."""
    status, answer = await ask(http, "Look", jpeg()[:300])
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["code"] == "invalid_image_format"
    assert answer["error"]["param"] == "messages[0].content[0].image_url"
    assert (await client.requests("llm"))[0].status == "error"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"model": "x", "messages": [1]}', b"\xff"])
async def test_nonsense_is_refused(http: aiohttp.ClientSession, data: bytes) -> None:
    """Never a crash."""
    async with http.post("/v1/chat/completions", data=data) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


async def test_a_client_that_leaves_is_recorded_as_cancelled(
    http: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """A speculation that was thrown away can be told from a reply."""
    await client.mode(llm_first_token_ms=10_000)
    asking = asyncio.create_task(ask(http, "Never mind"))
    await client.wait_for(lambda entry: bool(entry.messages), "llm")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    entry = await client.wait_for(lambda entry: entry.status != "open", "llm")
    assert entry.status == "cancelled"


async def test_llm_faults_happen_as_ordered(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Each once, in order, and then everything works again."""
    await client.fault("llm", "error", status=429)
    await client.fault("llm", "refuse_image")
    await client.fault("llm", "drop")
    await client.fault("llm", "slow", delay_ms=100)
    assert (await ask(http, "Hello"))[0] == 429
    assert (await ask(http, "Look", jpeg()))[1]["error"]["code"] == "invalid_image_format"
    with pytest.raises(aiohttp.ClientError):
        await ask(http, "Hello")
    began = time.monotonic()
    assert (await ask(http, "Hello"))[0] == 200
    assert time.monotonic() - began >= 0.1
    assert [entry.fault for entry in await client.requests("llm")] == ["error", "refuse_image", "drop", "slow"]
    assert (await ask(http, "Hello"))[0] == 200


async def test_a_cut_stream_has_no_end(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Half of the words, then nothing."""
    await client.fault("llm", "cut")
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.post("/v1/chat/completions", json=body("Hello", stream=True)) as response:
            await response.read()
    (entry,) = await client.requests("llm")
    assert (entry.status, entry.reply) == ("error", "Answer ")


async def test_a_hang_ends_with_its_client(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Nobody is left waiting for an answer that nobody waits for."""
    await client.fault("llm", "hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(http, "Hello"), 0.2)
    entry = await client.wait_for(lambda entry: entry.status == "cancelled", "llm")
    assert entry.fault == "hang"


async def test_a_drop_reaches_live_streams(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """The socket breaks now; the next one works, because the order was for one."""
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await client.fault("stt", "drop")
        assert (await asyncio.wait_for(ws.receive(), 5)).type in (
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
        )
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await utter(ws)
        assert await final(ws) == UNSCRIPTED


@pytest.mark.parametrize(("kind", "heard"), [("slow", UNSCRIPTED), ("hang", ""), ("cut", "")])
async def test_stt_faults_meet_the_next_utterance(
    http: aiohttp.ClientSession, client: SandboxClient, kind: Kind, heard: str
) -> None:
    """Late, never, or the end of the connection."""
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await client.fault("stt", kind, delay_ms=200)
        await utter(ws)
        text = ""
        # No message at all, or the end of the socket instead of one.
        with contextlib.suppress(TimeoutError, TypeError):
            text = await asyncio.wait_for(final(ws), 0.6)
        assert text == heard
    assert (await client.requests("stt"))[0].fault == kind


def speak(context_id: str, text: str, **more: object) -> dict[str, Any]:
    """A message to the speech socket."""
    form = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000}
    return {"context_id": context_id, "transcript": text, "output_format": form, "model_id": "sonic-3", **more}


async def messages(ws: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Everything up to the end of a context."""
    received: list[dict[str, Any]] = []
    while not (received and received[-1]["done"]):
        received.append(await asyncio.wait_for(ws.receive_json(), 5))
    return received


async def test_speech_comes_in_pieces_with_timed_words(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """A sentence is spoken while the next is still being written."""
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_json(speak("a", "Hello there. And", **{"continue": True, "add_timestamps": True}))
        first = [await ws.receive_json(), await ws.receive_json()]
        await ws.send_json(speak("a", " more.", **{"continue": False, "add_timestamps": True}))
        rest = await messages(ws)
    assert [message["type"] for message in first] == ["timestamps", "chunk"]
    sound = b"".join(base64.b64decode(message.get("data", "")) for message in first + rest)
    words = [word for message in first + rest for word in message.get("word_timestamps", {}).get("words", [])]
    assert words == ["Hello", "there.", "And", "more."]
    assert pcm.duration_ms(sound, 24_000) == pytest.approx(60 * (12 + 9), abs=5)
    (entry,) = await client.requests("tts")
    assert (entry.status, entry.text) == ("ok", "Hello there. And more.")
    assert entry.first_byte is not None
    assert entry.first_byte - entry.started >= 0.01


async def test_a_cancelled_context_is_silent(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Others on the same socket go on."""
    await client.mode(tts_first_sound_ms=200)
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_json(speak("a", "Never heard.", **{"continue": False}))
        await ws.send_json({"context_id": "a", "cancel": True})
        await ws.send_json(speak("b", "Heard.", **{"continue": False}))
        assert {message["context_id"] for message in await messages(ws)} == {"b"}
    assert [entry.status for entry in await client.requests("tts")] == ["cancelled", "ok"]


async def test_tts_faults_happen_as_ordered(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """An error message, half the sound, or a broken socket."""
    await client.fault("tts", "error", status=429)
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_json(speak("a", "Hello.", **{"continue": True, "max_buffer_delay_ms": 0}))
        (error,) = await messages(ws)
        assert (error["type"], error["status_code"]) == ("error", 429)
        await ws.send_json(speak("a", " ", **{"continue": False}))
        assert (await messages(ws))[0]["type"] == "error"
    await client.fault("tts", "cut")
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_json(speak("b", "Hello there.", **{"continue": False}))
        kinds = [message.type async for message in ws]
        assert len(kinds) == 3
    await client.fault("tts", "drop")
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_json(speak("c", "Hello there.", **{"continue": False}))
        assert [message async for message in ws] == []
    entries = await client.requests("tts")
    assert [(entry.fault, entry.status) for entry in entries] == [
        ("error", "error"),
        ("cut", "error"),
        ("drop", "error"),
    ]
    assert 0 < entries[1].audio_ms < 700


@pytest.mark.parametrize(
    "message",
    ["nonsense", "[]", "{}", json.dumps({"context_id": "a", "transcript": 1}), json.dumps({"context_id": "a"})],
)
async def test_bad_messages_are_answered(http: aiohttp.ClientSession, message: str) -> None:
    """The socket stays open, and the answer says what was wrong."""
    async with http.ws_connect("/tts/websocket") as ws:
        await ws.send_str(message)
        (error,) = await messages(ws)
        assert (error["type"], error["status_code"]) == ("error", 400)
        await ws.send_json(speak("b", "Hello.", **{"continue": False}))
        assert (await messages(ws))[-1]["type"] == "done"


async def test_bad_orders_say_what_is_allowed(client: SandboxClient, http: aiohttp.ClientSession) -> None:
    """One sentence, whatever was ordered."""
    with pytest.raises(BadOrder, match="started without its models"):
        await client.mode(exact=False)
    for path in ("/sandbox/script", "/sandbox/mode", "/sandbox/faults"):
        for data in (b"", b"[]", b"\xff\xfe", b'{"nonsense": 1}'):
            async with http.post(path, data=data) as response:
                assert response.status == 400
                assert (await response.json())["error"]
    for query in ("provider=cat", "since=yesterday"):
        async with http.get(f"/sandbox/requests?{query}") as response:
            assert response.status == 400


def test_the_command_line_chooses_the_mode() -> None:
    """Exact means without models."""
    host, port, options = parse(["--port", "7001", "--exact", "--llm-first-token-ms", "5"])
    assert (host, port, options.models) == ("127.0.0.1", 7001, False)
    assert options.mode == Mode(exact=True, llm_first_token_ms=5)
    assert parse([])[2] == Options()
