"""What the doctor tries: small real requests, by the very clients that a call uses."""

import asyncio
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from livekit import rtc
from livekit.agents import APIConnectionError, APIError, APIStatusError
from livekit.agents.llm import LLM, ChatContext, ChatMessage
from livekit.agents.stt import RecognizeStream, SpeechEventType
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context
from pydantic import SecretStr

from agent.background import load_background
from agent.errors import ServerRefusedError, ServerUnreachableError
from agent.ops.finding import Verdict
from agent.ops.riddle import PALETTE, QUESTION, Riddle
from agent.ops.server import ask_server
from agent.ops.verdict import Provider, complained, judge_answer, judge_clock, quote, refused, unreachable, without
from agent.pipeline import build_llm, build_stt, build_tts
from agent.vision.pictures import picture_content
from config.settings import Settings

_ONCE: Final = APIConnectOptions(max_retry=0, timeout=3600)
"""The check's own limit ends a request, and what failed is told at once."""
_SILENCE_S: Final = 0.5
_OBJECTION_S: Final = 0.5
"""Time for a listener to object to what it was sent."""
_ELSEWHERE: Final = frozenset({401, 402, 403, 408, 429})
"""HTTP statuses of a refusal that has nothing to do with the picture."""

_DEEPGRAM: Final = Provider("DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", "STT__MODEL and STT__LANGUAGE")
_OPENAI: Final = Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLM__MODEL")
_CARTESIA: Final = Provider("CARTESIA_API_KEY", "CARTESIA_BASE_URL", "TTS__MODEL, TTS__VOICE and TTS__LANGUAGE")


async def check_server(settings: Settings) -> Verdict:
    """Whether anybody answers at the LiveKit server's address."""
    try:
        await _server_time(settings)
    except (aiohttp.ClientError, OSError) as error:
        cause = getattr(error, "os_error", error)
        reason = getattr(cause, "strerror", None) or type(error).__name__
        return unreachable("LIVEKIT_URL", _host(settings.services.livekit_url), _bare(settings, reason))
    return Verdict("ok", f"{_host(settings.services.livekit_url)} answers")


async def check_clock(settings: Settings) -> Verdict:
    """How far our clock is from the server's."""
    asked = time.time()
    theirs = await _server_time(settings)
    if theirs is None:
        return Verdict("skipped", "the server does not tell its time")
    return judge_clock((asked + time.time()) / 2 - theirs)


async def check_key(settings: Settings) -> Verdict:
    """Whether the LiveKit server accepts key and secret."""
    try:
        await ask_server(settings.services)
    except ServerRefusedError:
        advice = "Check LIVEKIT_API_KEY and LIVEKIT_API_SECRET, which belong together, and this machine's clock."
        return Verdict("failed", "key and secret are refused", advice)
    except ServerUnreachableError as error:
        return unreachable("LIVEKIT_URL", _host(settings.services.livekit_url), _bare(settings, str(error)))
    return Verdict("ok", "key and secret are accepted")


async def check_stt(settings: Settings) -> Verdict:
    """Whether Deepgram takes sound: half a second of silence, since there is no need to be understood."""
    name = f"{settings.stt.model} at {_host(settings.services.deepgram_base_url)}"
    async with http_context.open():
        try:
            stt = build_stt(settings)
            async with stt.stream(conn_options=_ONCE) as stream:
                stream.push_frame(rtc.AudioFrame.create(16_000, 1, int(16_000 * _SILENCE_S)))
                stream.flush()
                heard = await _sent(stream)
        except APIError as error:
            return _failed(settings, _DEEPGRAM, error)
    return Verdict("ok", f"{name} takes sound") if heard else complained(_DEEPGRAM, f"{name} takes no sound")


async def check_llm(settings: Settings) -> Verdict:
    """Whether the model answers, and sees: asked for the colours of a picture that was made a moment ago."""
    name = f"{settings.llm.model} at {_host(settings.services.openai_base_url)}"
    llm = await asyncio.to_thread(build_llm, settings)
    riddle = Riddle.new()
    picture = picture_content("doctor:0:riddle", riddle.picture(), settings.vision.detail)
    try:
        answer = await _answer(llm, ChatMessage(role="user", content=[QUESTION, picture]))
    except APIStatusError as error:
        if error.status_code not in _ELSEWHERE and await _answers_in_words(llm):
            return _blind(f"{name} refuses a picture (HTTP {error.status_code})")
        return _failed(settings, _OPENAI, error)
    except APIError as error:
        return _failed(settings, _OPENAI, error)
    finally:
        await llm.aclose()
    if not judge_answer(answer, riddle.colours, PALETTE):
        said = quote(_bare(settings, answer))
        return _blind(f"{name} was shown {' and '.join(riddle.colours)} and answered {said!r}")
    return Verdict("ok", f"{name} sees {' and '.join(riddle.colours)}")


async def check_tts(settings: Settings) -> Verdict:
    """Whether Cartesia speaks a word."""
    name = f"{settings.tts.model} at {_host(settings.services.cartesia_base_url)}"
    async with http_context.open():
        tts = build_tts(settings)
        try:
            async with tts.stream(conn_options=_ONCE) as stream:
                stream.push_text("Hello.")
                stream.end_input()
                spoken_s = sum([audio.frame.duration async for audio in stream])
        except APIError as error:
            return _failed(settings, _CARTESIA, error)
        finally:
            await tts.aclose()
    if not spoken_s:
        return complained(_CARTESIA, f"{name} sends no sound")
    return Verdict("ok", f"{name} speaks")


async def check_images(settings: Settings) -> Verdict:
    """Whether every picture that a call begins with can be had."""
    wanted = len(settings.agent.images)
    if not wanted:
        return Verdict("skipped", "no pictures are set")
    background = await load_background(settings, local=True)
    if background.problems:
        advice = "Correct AGENT__IMAGES: the worker would not start."
        return Verdict("failed", "; ".join(background.problems), advice, "settings")
    if len(background.pictures) < wanted:
        background = await load_background(settings)
    if background.problems:
        advice = "Check the addresses in AGENT__IMAGES: calls would go on without these pictures."
        return Verdict("failed", "; ".join(background.problems), advice)
    passed = sum(isinstance(each, str) for each in background.pictures)
    return Verdict("ok", f"{wanted - passed} can be had, {passed} left to the model's provider")


async def _server_time(settings: Settings) -> float | None:
    """Ask the server for anything; its time in unix seconds, if it tells."""
    url = re.sub("^ws", "http", settings.services.livekit_url)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        date = response.headers.get("Date")
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 if date else None  # it counts whole seconds
    except ValueError:
        return None


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


def _blind(found: str) -> Verdict:
    advice = "This model can't see. Set LLM__MODEL to one that accepts images, or serve it with its image part."
    return Verdict("failed", found, advice)


def _failed(settings: Settings, provider: Provider, error: APIError) -> Verdict:
    if isinstance(error, APIStatusError):
        return refused(provider, error.status_code, _bare(settings, error.message))
    if not isinstance(error, APIConnectionError):
        return complained(provider, _bare(settings, error.message))
    url = getattr(settings.services, provider.address.lower())
    return unreachable(provider.address, _host(url), _bare(settings, str(error)))


def _bare(settings: Settings, words: str) -> str:
    """Somebody else's words, without what only we and the service may know."""
    services = settings.services
    values = [getattr(services, name) for name in type(services).model_fields]
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    parts = [urlsplit(value) for value in values if isinstance(value, str) and "://" in value]
    return without([*secrets, *(each or "" for part in parts for each in (part.password, part.query))], words)


def _host(url: str) -> str:
    """Where a service is; user, password and query of its address are nobody's business."""
    return urlsplit(url).netloc.rpartition("@")[2]
