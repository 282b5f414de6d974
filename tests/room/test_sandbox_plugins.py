"""The real plugins speak to the sandbox's providers, unchanged."""

import asyncio
import json

import aiohttp
import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, llm, stt, tts
from livekit.agents.types import APIConnectOptions
from livekit.plugins import cartesia, deepgram, openai

from sandbox.control.client import SandboxClient
from sandbox.control.entries import ToolCall
from sandbox.server import Sandbox
from sandbox.tts import pcm

ONCE = APIConnectOptions(max_retry=0, timeout=5)
HZ = 16_000


def ears(sandbox: Sandbox, http: aiohttp.ClientSession, key: str = "any") -> deepgram.STT:
    """The real plugin, pointed at the sandbox."""
    return deepgram.STT(api_key=key, base_url=f"{sandbox.url}/v1/listen", http_session=http)


def mouth(sandbox: Sandbox, http: aiohttp.ClientSession, key: str = "any") -> cartesia.TTS:
    """The real plugin, pointed at the sandbox."""
    return cartesia.TTS(api_key=key, base_url=sandbox.url, http_session=http)


def mind(sandbox: Sandbox, key: str = "any") -> openai.LLM:
    """The real plugin, pointed at the sandbox."""
    return openai.LLM(model="sandbox", api_key=key, base_url=f"{sandbox.url}/v1")


async def play(stream: stt.RecognizeStream, sound: bytes) -> None:
    """Push s16le mono sound as fast as it plays."""
    for piece in pcm.chunks(sound, HZ, 50):
        stream.push_frame(rtc.AudioFrame(piece, HZ, 1, len(piece) // 2))
        await asyncio.sleep(0.05)


async def until_final(stream: stt.RecognizeStream) -> list[stt.SpeechEvent]:
    """Events until the end of speech."""
    events: list[stt.SpeechEvent] = []
    async for event in stream:
        if event.type is not stt.SpeechEventType.RECOGNITION_USAGE:
            events.append(event)
        if event.type is stt.SpeechEventType.END_OF_SPEECH:
            break
    return events


async def test_deepgram_hears_the_script(sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession) -> None:
    """Sound of any kind becomes start, interim, final and end, with the scripted words."""
    await client.script("What number is shown?")
    stream = ears(sandbox, http).stream(conn_options=ONCE)
    talking = asyncio.create_task(play(stream, pcm.hum("x" * 16, HZ) + bytes(HZ)))
    events = await asyncio.wait_for(until_final(stream), 10)
    await talking
    await stream.aclose()
    kinds = [event.type for event in events]
    assert kinds == [
        stt.SpeechEventType.START_OF_SPEECH,
        stt.SpeechEventType.INTERIM_TRANSCRIPT,
        stt.SpeechEventType.FINAL_TRANSCRIPT,
        stt.SpeechEventType.END_OF_SPEECH,
    ]
    assert events[2].alternatives[0].text == "What number is shown?"
    (heard,) = (await client.requests("stt"))[0].utterances
    assert heard.source == "script"
    assert heard.speech_ended is not None
    assert heard.final is not None
    assert 0.2 < heard.final - heard.speech_ended < 0.5


async def test_deepgram_refuses_the_wrong_key(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    """The plugin reports the status of a refused key."""
    stream = ears(sandbox, http, "wrong-key").stream(conn_options=ONCE)
    with pytest.raises(APIStatusError) as caught:
        await asyncio.wait_for(until_final(stream), 10)
    await stream.aclose()
    assert caught.value.status_code == 401


async def test_deepgram_survives_a_drop(sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession) -> None:
    """A dropped stream is opened again, and the next utterance is heard."""
    options = APIConnectOptions(max_retry=3, retry_interval=0.1, timeout=5)
    stream = ears(sandbox, http).stream(conn_options=options)
    await client.wait_for(lambda entry: entry.status == "open", "stt")
    await client.fault("stt", "drop")
    await client.wait_for(lambda entry: entry.fault == "drop" and entry.status == "error", "stt")
    await client.wait_for(lambda entry: entry.status == "open", "stt")
    await client.script("Are you there?")
    talking = asyncio.create_task(play(stream, pcm.hum("x" * 10, HZ) + bytes(HZ)))
    events = await asyncio.wait_for(until_final(stream), 10)
    await talking
    await stream.aclose()
    assert "Are you there?" in [event.alternatives[0].text for event in events if event.alternatives]


async def ask(model: openai.LLM, *content: llm.ChatContent) -> tuple[str, llm.CompletionUsage | None]:
    """The reply to one user message, and what it cost."""
    context = llm.ChatContext.empty()
    context.add_message(role="user", content=list(content))
    reply, usage = "", None
    async with model.chat(chat_ctx=context, conn_options=ONCE) as stream:
        async for chunk in stream:
            reply += (chunk.delta.content or "") if chunk.delta else ""
            usage = chunk.usage or usage
    return reply, usage


async def test_openai_answers_and_shows_its_picture(sandbox: Sandbox, client: SandboxClient) -> None:
    """The record holds the message, the picture and its very bytes; the reply names the request."""
    frame = rtc.VideoFrame(64, 48, rtc.VideoBufferType.RGBA, np.full((48, 64, 4), 200, np.uint8).tobytes())
    model = mind(sandbox)
    reply, usage = await ask(model, "What is this?", llm.ImageContent(image=frame, inference_detail="low"))
    await model.aclose()
    (entry,) = await client.requests("llm")
    assert reply == entry.reply == f"Answer {entry.id}."
    assert entry.status == "ok"
    assert entry.messages[-1].text == "What is this?"
    (image,) = entry.messages[-1].images
    assert (image.width, image.height, image.mime, image.detail) == (64, 48, "image/jpeg", "low")
    assert len(await client.image(image.sha256)) == image.bytes
    assert usage is not None
    assert usage.prompt_tokens == entry.prompt_tokens > 85


async def test_openai_reports_a_broken_picture(sandbox: Sandbox) -> None:
    """Half a JPEG is refused as the provider refuses it."""
    model = mind(sandbox)
    with pytest.raises(APIStatusError) as caught:
        await ask(model, "What is this?", llm.ImageContent(image="data:image/jpeg;base64,/9j/4AAQ"))
    await model.aclose()
    assert caught.value.status_code == 400


@llm.function_tool
async def look(region: str | None = None) -> str:
    """Look closely at a part of the picture."""
    return f"Shown below: {region}."


async def test_openai_calls_a_tool_and_goes_on(sandbox: Sandbox, client: SandboxClient) -> None:
    """The plugin understands the streamed call, and its result is accepted with the picture that follows."""
    await client.script("What is in the corner?", typed=True, call=ToolCall("look", {"region": "top right"}))
    model = mind(sandbox)
    context = llm.ChatContext.empty()
    context.add_message(role="user", content="What is in the corner?")
    response = await model.chat(chat_ctx=context, tools=[look], conn_options=ONCE).collect()
    (asked,) = response.tool_calls
    assert (asked.name, json.loads(asked.arguments)) == ("look", {"region": "top right"})
    call = llm.FunctionCall(call_id=asked.call_id, name=asked.name, arguments=asked.arguments)
    result = llm.FunctionCallOutput(name="look", call_id=call.call_id, output=await look("top right"), is_error=False)
    context.insert([call, result])
    context.add_message(role="user", content=["[The user's camera, top right.]"])
    response = await model.chat(chat_ctx=context, tools=[look], conn_options=ONCE).collect()
    await model.aclose()
    first, second = await client.requests("llm")
    assert (first.tools, first.tool_call) == (["look"], ToolCall("look", {"region": "top right"}, call.call_id))
    assert response.text == second.reply == f"Answer {second.id}."
    assert [message.role for message in second.messages] == ["user", "assistant", "tool", "user"]
    assert second.messages[0].sha256 == first.messages[0].sha256
    assert second.messages[2].text == "Shown below: top right."


async def test_openai_prewarms(sandbox: Sandbox) -> None:
    """The plugin's way to open the connection early works."""
    model = mind(sandbox)
    await model._prewarm_impl()
    await model.aclose()


async def test_openai_sees_an_end_in_the_middle(sandbox: Sandbox, client: SandboxClient) -> None:
    """A stream that is cut is an error, not a short answer."""
    await client.fault("llm", "cut")
    model = mind(sandbox)
    with pytest.raises(APIConnectionError):
        await ask(model, "Hello")
    await model.aclose()


async def speak(voice: cartesia.TTS, *parts: str) -> list[tts.SynthesizedAudio]:
    """Everything a stream says."""
    async with voice.stream(conn_options=ONCE) as stream:
        for part in parts:
            stream.push_text(part)
        stream.end_input()
        return [event async for event in stream]


async def test_cartesia_speaks_sentence_by_sentence(
    sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession
) -> None:
    """The sound is as long as its text, and the words are timed."""
    voice = mouth(sandbox, http)
    events = await asyncio.wait_for(speak(voice, "This is the first sentence of two. ", "And this the second."), 10)
    await voice.aclose()
    length_ms = sum(event.frame.duration for event in events) * 1000
    entry = await client.wait_for(lambda entry: entry.status == "ok", "tts")
    assert length_ms == pytest.approx(entry.audio_ms, abs=30)
    words = [word for event in events for word in event.frame.userdata.get("lk.timed_transcripts", [])]
    assert "".join(words).split()[:3] == ["This", "is", "the"]
    assert " ".join(entry.text.split()) == "This is the first sentence of two. And this the second."


async def test_cartesia_speaks_one_piece(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    """The endpoint without a socket gives the same sound."""
    voice = mouth(sandbox, http)
    frame = await voice.synthesize("Answer 1.", conn_options=ONCE).collect()
    await voice.aclose()
    assert frame.duration == pytest.approx(0.54, abs=0.02)


@pytest.mark.parametrize("kind", ["error", "drop"])
async def test_cartesia_reports_faults(
    sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession, kind: str
) -> None:
    """A fault reaches the pipeline as an error of the provider."""
    await client.fault("tts", "error" if kind == "error" else "drop")
    voice = mouth(sandbox, http)
    with pytest.raises((APIStatusError, APIConnectionError, APITimeoutError, Exception)):
        await asyncio.wait_for(speak(voice, "Can you hear me now?"), 10)
    await voice.aclose()


async def test_cartesia_refuses_the_wrong_key(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    """The plugin reports the status of a refused key."""
    voice = mouth(sandbox, http, "wrong-key")
    with pytest.raises(APIStatusError) as caught:
        await asyncio.wait_for(speak(voice, "Hello there, my friend."), 10)
    await voice.aclose()
    assert caught.value.status_code == 401


async def test_an_abandoned_reply_is_recorded_as_cancelled(sandbox: Sandbox, client: SandboxClient) -> None:
    """A speculation that is thrown away can be told from a reply."""
    await client.mode(llm_first_token_ms=5_000)
    model = mind(sandbox)
    asking = asyncio.create_task(ask(model, "Never mind"))
    await client.wait_for(lambda entry: bool(entry.messages), "llm")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await client.wait_for(lambda entry: entry.status == "cancelled", "llm")
    await model.aclose()
