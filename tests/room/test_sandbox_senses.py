"""The sandbox really hears, sees and speaks: a spoken question about a drawn sign is answered aloud."""

import asyncio
import base64
import io
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFont

from sandbox.caller.scenes import scene, usual_size
from sandbox.control.client import SandboxClient
from sandbox.server import Sandbox
from sandbox.tts import pcm
from sandbox.tts.voice import Voice

HZ = 16_000

# The models are loaded once, so everything here shares one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox with its models."""
    async with Sandbox() as box:
        await box.wait_ready()
        yield box


@pytest_asyncio.fixture(loop_scope="module")
async def http(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """A client session."""
    headers = {"Authorization": "Bearer any", "X-API-Key": "any"}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as session:
        yield session


def sign(text: str) -> str:
    """A data URL of a blue picture with a white sign in it."""
    image = Image.new("RGB", (1024, 576), (20, 60, 200))
    draw = ImageDraw.Draw(image)
    draw.rectangle((200, 180, 824, 396), fill="white")
    draw.text((512, 288), text, fill="black", font=ImageFont.load_default(80), anchor="mm")
    return str(picture(image)["image_url"]["url"])


def picture(image: Image.Image) -> dict[str, Any]:
    """The part of a message that holds an image, as the worker would encode it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}


async def listen(http: aiohttp.ClientSession, sound: bytes) -> tuple[list[dict[str, Any]], float]:
    """Play `sound` as fast as it sounds; every message, and seconds from its end to the final transcript."""
    query = {"encoding": "linear16", "sample_rate": str(HZ), "model": "nova-3"}
    headers = {"Authorization": "Token any"}
    messages: list[dict[str, Any]] = []
    async with http.ws_connect("/v1/listen", params=query, headers=headers) as ws:

        async def play() -> float:
            for piece in pcm.chunks(sound, HZ, 50):
                await ws.send_bytes(piece)
                await asyncio.sleep(len(piece) / 2 / HZ)
            ended = time.monotonic()
            for _ in range(20):
                await ws.send_bytes(bytes(HZ // 10))
                await asyncio.sleep(0.05)
            return ended

        playing = asyncio.create_task(play())
        while not (messages and messages[-1].get("is_final")):
            messages.append(await asyncio.wait_for(ws.receive_json(), 10))
        heard = time.monotonic()
        return messages, heard - await playing


async def test_a_spoken_question_is_heard(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    """The words come out as they went in, with interim transcripts on the way."""
    spoken = await sandbox.state.senses.voice.speak("Please read the number on the screen.")
    messages, delay_s = await listen(http, pcm.resample(spoken, 24_000, HZ).rstrip(b"\0"))
    kinds = [message["type"] for message in messages]
    assert kinds[0] == "SpeechStarted"
    assert len(messages) > 2
    text = messages[-1]["channel"]["alternatives"][0]["transcript"]
    assert text.lower().strip(".?!") == "please read the number on the screen"
    assert delay_s < 3


async def ask(http: aiohttp.ClientSession, question: str, *pictures: str) -> str:
    """The reply to a question with pictures."""
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    content.append({"type": "text", "text": question})
    body = {"model": "sandbox", "messages": [{"role": "user", "content": content}]}
    async with http.post("/v1/chat/completions", json=body) as response:
        return str((await response.json())["choices"][0]["message"]["content"])


async def test_a_sign_is_read(http: aiohttp.ClientSession) -> None:
    """What is written in the picture comes back word for word."""
    reply = await ask(http, "What does the sign say?", sign("ROOM 4711"))
    assert reply == "It says: ROOM 4711."


async def test_colours_are_named(http: aiohttp.ClientSession) -> None:
    """The largest area gives the first name."""
    assert await ask(http, "What colours do you see?", sign("X")) == "I see mostly blue, with white."


async def test_blindness_is_admitted(http: aiohttp.ClientSession) -> None:
    """Without a picture the reason is passed on."""
    reply = await ask(http, "What do you see?\n[camera: muted]")
    assert reply == "I cannot see anything right now: camera: muted."


async def test_small_print_is_read_with_a_closer_look(http: aiohttp.ClientSession) -> None:
    """The model asks for the part that the question names, and reads it in the picture that the tool brings."""
    whole = Image.fromarray(scene("small:4711", *usual_size("small:")).frame(0))
    offered = {"model": "sandbox", "tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}]}
    question = "What is the number in the top right corner?"
    messages = [{"role": "user", "content": [picture(whole.resize((1024, 576))), {"type": "text", "text": question}]}]
    async with http.post("/v1/chat/completions", json=offered | {"messages": messages}) as response:
        called = (await response.json())["choices"][0]["message"]
    (call,) = called["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"region": "top right"}
    receipt = {"role": "tool", "tool_call_id": call["id"], "content": "The picture follows."}
    note = {"type": "text", "text": "[The user's camera, top right, in full resolution.]"}
    closer = {"role": "user", "content": [picture(whole.crop((960, 0, 1920, 540))), note]}
    async with http.post(
        "/v1/chat/completions", json=offered | {"messages": [*messages, called, receipt, closer]}
    ) as response:
        assert (await response.json())["choices"][0]["message"]["content"] == "It says: 4711."


async def test_without_the_tool_small_print_is_missed(http: aiohttp.ClientSession) -> None:
    """The answer comes from the picture that is there."""
    whole = Image.fromarray(scene("small:4711", *usual_size("small:")).frame(0))
    url = picture(whole.resize((1024, 576)))["image_url"]["url"]
    assert "4711" not in await ask(http, "What is the number in the top right corner?", url)


async def test_an_answer_is_spoken(http: aiohttp.ClientSession) -> None:
    """Sentences arrive as sound of a plausible length, in pieces, with timed words."""
    body = {
        "context_id": "one",
        "model_id": "sonic-3",
        "transcript": "It says: room four. There is nothing else. ",
        "continue": False,
        "add_timestamps": True,
        "max_buffer_delay_ms": 0,
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
    }
    sound, words = b"", []
    async with http.ws_connect("/tts/websocket?cartesia_version=2025-04-16") as ws:
        await ws.send_str(json.dumps(body))
        while not (message := await ws.receive_json())["done"]:
            sound += base64.b64decode(message.get("data", ""))
            words += message.get("word_timestamps", {}).get("words", [])
    assert " ".join(words) == "It says: room four. There is nothing else."
    assert 1.5 < pcm.duration_ms(sound, 24_000) / 1000 < 6


async def test_a_cancelled_speaker_leaves_the_voice_in_step() -> None:
    """Whoever asks next gets the own sentence, not the one that nobody waited for."""
    voice = Voice()
    await voice.start()
    try:
        long = asyncio.create_task(voice.speak("This is a long sentence that nobody will wait for. " * 3))
        await asyncio.sleep(0.01)
        long.cancel()
        short = await voice.speak("Yes.")
    finally:
        await voice.aclose()
    assert pcm.duration_ms(short, voice.sample_rate) < 1_500


def alive(pid: int) -> bool:
    """Whether a process runs (one that waits to be reaped does not)."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_the_voice_ends_with_its_owner() -> None:
    """Killed without warning, the owner leaves no process behind."""
    code = (
        "import asyncio\nfrom sandbox.tts.voice import Voice\n"
        "async def main():\n    voice = Voice()\n    await voice.start()\n"
        "    print(voice._process.pid, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    pid = int(await asyncio.wait_for(owner.stdout.readline(), 20))
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    for _ in range(100):
        if not alive(pid):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"process {pid} is still there 5 s after its owner")


async def test_the_record_names_the_picture(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    """Bytes go in and the same bytes come out."""
    url = sign("AGAIN")
    await ask(http, "What does it say?", url)
    async with SandboxClient(sandbox.url) as client:
        entry = (await client.requests("llm"))[-1]
        (image,) = entry.messages[-1].images
        assert await client.image(image.sha256) == base64.b64decode(url.partition(",")[2])
