"""The real plugins of Deepgram's flux and of OpenAI's speech speak to the sandbox, unchanged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIStatusError, stt
from livekit.agents.types import APIConnectOptions
from livekit.plugins import deepgram, openai, silero

from sandbox.control.client import SandboxClient
from sandbox.control.faults import Kind
from sandbox.server import Sandbox
from sandbox.tts import pcm

ONCE = APIConnectOptions(max_retry=0, timeout=5)
HZ = 16_000
VOICE = pcm.hum("x" * 12, HZ)
"""0.7 s of what any energy detector takes for a voice."""


def flux(sandbox: Sandbox, http: aiohttp.ClientSession, key: str = "any", **more: float) -> deepgram.STTv2:
    """The real plugin, pointed at the sandbox."""
    return deepgram.STTv2(api_key=key, base_url=f"{sandbox.url}/v2/listen", http_session=http, **more)  # type: ignore[arg-type]


def mouth(
    sandbox: Sandbox, key: str = "any", *, model: str = "gpt-4o-mini-tts", response_format: str = "pcm"
) -> openai.TTS:
    """The real plugin, pointed at the sandbox."""
    return openai.TTS(api_key=key, base_url=f"{sandbox.url}/v1", model=model, response_format=response_format)


@asynccontextmanager
async def ears(sandbox: Sandbox, key: str = "any", model: str = "gpt-4o-mini-transcribe") -> AsyncIterator[openai.STT]:
    """The real plugin, pointed at the sandbox; it never closes its client by itself."""
    listener = openai.STT(model=model, api_key=key, base_url=f"{sandbox.url}/v1")
    try:
        yield listener
    finally:
        await listener._client.close()


async def recognize(sandbox: Sandbox, key: str = "any", model: str = "gpt-4o-mini-transcribe") -> str:
    """What it makes of one piece of sound."""
    async with ears(sandbox, key, model) as listener:
        event = await listener.recognize(rtc.AudioFrame(VOICE, HZ, 1, len(VOICE) // 2), conn_options=ONCE)
        return event.alternatives[0].text


async def play(stream: stt.RecognizeStream, sound: bytes) -> None:
    """Push s16le mono sound as fast as it plays."""
    for piece in pcm.chunks(sound, HZ, 50):
        stream.push_frame(rtc.AudioFrame(piece, HZ, 1, len(piece) // 2))
        await asyncio.sleep(0.05)


async def heard(stream: stt.RecognizeStream, sound: bytes) -> list[stt.SpeechEvent]:
    """What the plugin tells of `sound`, until the end of speech."""
    talking = asyncio.create_task(play(stream, sound))
    events: list[stt.SpeechEvent] = []
    async with asyncio.timeout(10):
        async for event in stream:
            if event.type is not stt.SpeechEventType.RECOGNITION_USAGE:
                events.append(event)
            if event.type is stt.SpeechEventType.END_OF_SPEECH:
                break
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    await stream.aclose()
    return events


async def test_flux_tells_of_a_pause_and_of_the_end(
    sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession
) -> None:
    """A guess in the pause, taken back as the speech goes on, and the end after a silence that proves it."""
    await client.script("What number is shown?")
    listener = flux(sandbox, http, eager_eot_threshold=0.4, eot_threshold=0.8)
    pause = bytes(HZ * 2 * 300 // 1000)
    events = await heard(listener.stream(conn_options=ONCE), VOICE + pause + VOICE + bytes(2 * HZ))
    kinds = [event.type for event in events if event.type is not stt.SpeechEventType.INTERIM_TRANSCRIPT]
    assert kinds == [
        stt.SpeechEventType.START_OF_SPEECH,
        stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
        stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
        stt.SpeechEventType.FINAL_TRANSCRIPT,
        stt.SpeechEventType.END_OF_SPEECH,
    ]
    assert events[-2].alternatives[0].text == "What number is shown?"
    (entry,) = await client.requests("stt")
    assert (entry.vendor, entry.model) == ("deepgram", "flux-general-en")
    (utterance,) = entry.utterances
    assert utterance.speech_ended is not None
    assert utterance.final is not None
    assert 0.4 < utterance.final - utterance.speech_ended < 0.7  # 500 ms for 0.8


@pytest.mark.parametrize(("key", "model", "status"), [("wrong-key", "flux-general-en", 401), ("any", "nova-3", 400)])
async def test_flux_is_refused(
    sandbox: Sandbox, http: aiohttp.ClientSession, key: str, model: str, status: int
) -> None:
    """The plugin reports the status of a refused key, and of a model that knows no turns."""
    listener = deepgram.STTv2(api_key=key, model=model, base_url=f"{sandbox.url}/v2/listen", http_session=http)
    with pytest.raises(APIStatusError) as caught:
        await heard(listener.stream(conn_options=ONCE), VOICE)
    assert caught.value.status_code == status


async def test_flux_survives_a_drop(sandbox: Sandbox, client: SandboxClient, http: aiohttp.ClientSession) -> None:
    """A dropped stream is opened again, and the next utterance is heard."""
    options = APIConnectOptions(max_retry=3, retry_interval=0.1, timeout=5)
    stream = flux(sandbox, http).stream(conn_options=options)
    await client.wait_for(lambda entry: entry.status == "open", "stt")
    await client.fault("stt", "drop", vendor="deepgram")
    await client.wait_for(lambda entry: entry.fault == "drop" and entry.status == "error", "stt")
    await client.wait_for(lambda entry: entry.status == "open", "stt")
    await client.script("Are you there?")
    events = await heard(stream, VOICE + bytes(2 * HZ))
    assert "Are you there?" in [event.alternatives[0].text for event in events if event.alternatives]


@pytest.mark.parametrize(
    ("model", "form"), [("gpt-4o-mini-tts", "mp3"), ("gpt-4o-mini-tts", "pcm"), ("tts-1", "wav"), ("tts-1", "mp3")]
)
async def test_openai_speaks(sandbox: Sandbox, client: SandboxClient, model: str, form: str) -> None:
    """As events or as a file, in each format: the sound is as long as its text."""
    voice = mouth(sandbox, model=model, response_format=form)
    frame = await asyncio.wait_for(voice.synthesize("Answer number 1.", conn_options=ONCE).collect(), 10)
    await voice.aclose()
    assert frame.sample_rate == 24_000
    assert frame.duration == pytest.approx(0.96, abs=0.12)  # MP3 is made of whole frames and pads both ends
    (entry,) = await client.requests("tts")
    assert (entry.vendor, entry.model, entry.text, entry.status) == ("openai", model, "Answer number 1.", "ok")
    assert entry.first_byte is not None


@pytest.mark.parametrize("kind", ["error", "drop", "cut"])
async def test_openai_reports_that_it_could_not_speak(sandbox: Sandbox, client: SandboxClient, kind: Kind) -> None:
    """A fault reaches the pipeline as an error of the provider."""
    await client.fault("tts", kind, vendor="openai")
    voice = mouth(sandbox)
    with pytest.raises((APIStatusError, APIConnectionError)):
        await asyncio.wait_for(voice.synthesize("Can you hear me now?", conn_options=ONCE).collect(), 10)
    await voice.aclose()
    (entry,) = await client.requests("tts")
    assert entry.fault == kind


async def test_openai_hears_what_the_vad_cuts_out(sandbox: Sandbox, client: SandboxClient) -> None:
    """With the framework's adapter: one request for each stretch of speech."""
    await client.script("What number is shown?")
    vad = silero.VAD.load(min_silence_duration=0.2, min_speech_duration=0.01, activation_threshold=0.1)
    finals = []
    async with ears(sandbox) as listener, asyncio.timeout(10):
        stream = stt.StreamAdapter(stt=listener, vad=vad).stream(conn_options=ONCE)
        talking = asyncio.create_task(play(stream, bytes(HZ) + VOICE * 3 + bytes(2 * HZ)))
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                finals.append(event.alternatives[0].text)
                break
        await talking
        await stream.aclose()
    assert finals == ["What number is shown?"]
    (entry,) = await client.requests("stt")
    assert (entry.vendor, entry.model, entry.status) == ("openai", "gpt-4o-mini-transcribe", "ok")
    assert entry.request_bytes > HZ // 2


async def test_openai_hears_one_piece(sandbox: Sandbox, client: SandboxClient) -> None:
    """Whisper's own format carries the language as well."""
    await client.script("What number is shown?")
    assert await recognize(sandbox, model="whisper-1") == "What number is shown?"
    ((utterance,),) = [entry.utterances for entry in await client.requests("stt")]
    assert utterance.source == "script"


@pytest.mark.parametrize("kind", ["error", "drop", "cut"])
async def test_openai_reports_that_it_could_not_hear(sandbox: Sandbox, client: SandboxClient, kind: Kind) -> None:
    """A fault reaches the pipeline as an error of the provider."""
    await client.fault("stt", kind, vendor="openai")
    with pytest.raises((APIStatusError, APIConnectionError)):
        await recognize(sandbox)
    (entry,) = await client.requests("stt")
    assert (entry.fault, entry.status) == (kind, "error")


async def test_openai_speech_refuses_the_wrong_key(sandbox: Sandbox) -> None:
    """Both plugins report the status."""
    voice = mouth(sandbox, "wrong-key")
    with pytest.raises(APIStatusError) as caught:
        await voice.synthesize("Hello.", conn_options=ONCE).collect()
    await voice.aclose()
    assert caught.value.status_code == 401
    with pytest.raises(APIStatusError) as caught:
        await recognize(sandbox, "wrong-key")
    assert caught.value.status_code == 401
