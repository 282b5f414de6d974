"""What the doctor tries of the providers: small real requests, by the very clients that a call uses."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from livekit import rtc
from livekit.agents import APIConnectionError, APIError, APIStatusError
from livekit.agents.llm import LLM, ChatContext, ChatMessage
from livekit.agents.stt import RecognizeStream, SpeechEventType
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context

from agent.ops.bare import bare, host
from agent.ops.finding import Verdict
from agent.ops.riddle import PALETTE, QUESTION, Riddle
from agent.ops.verdict import Provider, complained, judge_answer, quote, refused, unreachable
from agent.providers import listener_client, model_client, speaker_client
from agent.spare import speech
from agent.vision.pictures import picture_content
from config.chain import Model, Speech
from config.settings import Settings

_ONCE: Final = APIConnectOptions(max_retry=0, timeout=3600)
"""The check's own limit ends a request, and what failed is told at once."""
_SILENCE_S: Final = 0.5
_OBJECTION_S: Final = 0.5
"""Time for a listener to object to what it was sent."""
_ELSEWHERE: Final = frozenset({401, 402, 403, 408, 429})
"""HTTP statuses of a refusal that has nothing to do with the picture."""


async def check_stt(settings: Settings, choice: Speech) -> Verdict:
    """Whether a listener takes sound: half a second of silence, since there is no need to be understood."""
    provider = _listener(settings, choice)
    name = f"{choice.model} at {host(provider.url)}"
    silence = rtc.AudioFrame.create(16_000, 1, int(16_000 * _SILENCE_S))
    async with http_context.open():
        stt = listener_client(settings, choice)
        try:
            if not stt.capabilities.streaming:
                await stt.recognize(silence, conn_options=_ONCE)
                return Verdict("ok", f"{name} takes sound")
            async with stt.stream(conn_options=_ONCE) as stream:
                stream.push_frame(silence)
                stream.flush()
                heard = await _sent(stream)
        except APIError as error:
            return failed(settings, provider, error)
    return Verdict("ok", f"{name} takes sound") if heard else complained(provider, f"{name} takes no sound")


async def check_llm(settings: Settings, model: Model) -> Verdict:
    """Whether a model answers, and sees: asked for the colours of a picture that was made a moment ago."""
    provider = _model(settings, model)
    name = f"{model.name} at {host(provider.url)}"
    llm = await asyncio.to_thread(model_client, settings, model)
    riddle = Riddle.new()
    picture = picture_content("doctor:0:riddle", riddle.picture(), settings.vision.detail)
    try:
        answer = await _answer(llm, ChatMessage(role="user", content=[QUESTION, picture]))
    except APIStatusError as error:
        if error.status_code not in _ELSEWHERE and await _answers_in_words(llm):
            return blind(f"{name} refuses a picture (HTTP {error.status_code})", provider)
        return failed(settings, provider, error)
    except APIError as error:
        return failed(settings, provider, error)
    finally:
        await llm.aclose()
    if not judge_answer(answer, riddle.colours, PALETTE):
        said = quote(bare(settings, answer))
        return blind(f"{name} was shown {' and '.join(riddle.colours)} and answered {said!r}", provider)
    return Verdict("ok", f"{name} sees {' and '.join(riddle.colours)}")


async def check_tts(settings: Settings, choice: Speech) -> Verdict:
    """Whether a speaker speaks a word."""
    provider = _speaker(settings, choice)
    name = f"{choice.model} at {host(provider.url)}"
    async with http_context.open():
        tts = speaker_client(settings, choice)
        try:
            spoken_s = sum([frame.duration async for frame in speech(tts, "Hello.", _ONCE)])
        except APIError as error:
            return failed(settings, provider, error)
        finally:
            await tts.aclose()
    if not spoken_s:
        return complained(provider, f"{name} sends no sound")
    return Verdict("ok", f"{name} speaks")


async def _sent(stream: RecognizeStream) -> bool:
    """Whether the sound went out, on a connection that was not ended at once.

    The stream is not ended from this side: its end takes the plugin five seconds, and hides the other side's.
    """
    async for event in stream:
        if event.type == SpeechEventType.RECOGNITION_USAGE:  # counted when it was sent
            break
    else:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(_OBJECTION_S):
            async for _ in stream:
                pass
    return True


async def _answer(llm: LLM[Any], message: ChatMessage) -> str:
    async with llm.chat(chat_ctx=ChatContext([message]), conn_options=_ONCE) as stream:
        return "".join([chunk.delta.content or "" async for chunk in stream if chunk.delta])


async def _answers_in_words(llm: LLM[Any]) -> bool:
    try:
        return bool(await _answer(llm, ChatMessage(role="user", content=["Say hello."])))
    except APIError:
        return False


def blind(found: str, provider: Provider) -> Verdict:
    """The model answers, and can't see."""
    advice = "This model can't see. Set {} to one that accepts images, or serve it with its image part."
    return Verdict("failed", found, advice.format(provider.choices))


def failed(settings: Settings, provider: Provider, error: APIError) -> Verdict:
    """What a client's error means."""
    if isinstance(error, APIStatusError):
        return refused(provider, error.status_code, bare(settings, error.message))
    if not isinstance(error, APIConnectionError):
        return complained(provider, bare(settings, error.message))
    return unreachable(provider.address, host(provider.url), bare(settings, str(error)))


def _model(settings: Settings, model: Model) -> Provider:
    choices = "LLM__MODEL" if model == settings.llm.chain[0] else "LLM__FALLBACK"
    if model.base_url:
        return Provider("LLM__FALLBACK_API_KEY", choices, choices, model.base_url)
    return Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", choices, settings.services.openai_base_url)


def _listener(settings: Settings, choice: Speech) -> Provider:
    services, stt = settings.services, settings.stt
    choices = "STT__MODEL and STT__LANGUAGE" if choice == stt.chain[0] else "STT__FALLBACK and STT__LANGUAGE"
    if choice.provider == "deepgram":
        return Provider("DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", choices, services.deepgram_base_url)
    if stt.base_url:
        return Provider("STT__API_KEY", "STT__BASE_URL", choices, stt.base_url)
    return Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", choices, services.openai_base_url)


def _speaker(settings: Settings, choice: Speech) -> Provider:
    services, tts = settings.services, settings.tts
    first = choice == tts.chain[0]
    choices = "TTS__MODEL, TTS__VOICE and TTS__LANGUAGE" if first else "TTS__FALLBACK and TTS__LANGUAGE"
    if choice.provider == "cartesia":
        return Provider("CARTESIA_API_KEY", "CARTESIA_BASE_URL", choices, services.cartesia_base_url)
    if tts.base_url:
        return Provider("TTS__API_KEY", "TTS__BASE_URL", choices, tts.base_url)
    return Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", choices, services.openai_base_url)
