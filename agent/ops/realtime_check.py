"""What the doctor tries of a speech-to-speech model: one question about a picture, by the client that a call uses."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import aiohttp
from livekit.agents import APIConnectionError, APIError
from livekit.agents.llm import ChatMessage, RealtimeError, RealtimeModelError
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context

from agent.ops.bare import bare, host
from agent.ops.finding import Verdict
from agent.ops.provider_checks import blind, failed
from agent.ops.riddle import PALETTE, QUESTION, Riddle
from agent.ops.verdict import Provider, complained, judge_answer, quote, refused, status_of_close, unreachable
from agent.realtime.model import realtime_model
from agent.vision.encoded import EncodedImage
from agent.vision.pictures import picture_content
from config.settings import Settings

GOOGLE_URL: Final = "https://generativelanguage.googleapis.com"
_ONCE: Final = APIConnectOptions(max_retry=0, timeout=10)


async def check_realtime(settings: Settings) -> Verdict:
    """Whether the model answers, and sees: asked for the colours of a picture that was made a moment ago."""
    provider = _provider(settings)
    name = f"{settings.realtime.chosen} at {host(provider.url)}"
    riddle = Riddle.new()
    async with http_context.open():
        model = realtime_model(settings, _ONCE)
        session = model.session()
        broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

        def fail(event: RealtimeModelError) -> None:
            if not broken.done():
                broken.set_result(event.error)

        session.on("error", fail)
        answering = asyncio.create_task(_answer(settings, session, riddle.picture()))
        try:
            waited: set[asyncio.Future[Any]] = {answering, broken}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if broken.done() or answering.exception() is not None:
                error = broken.result() if broken.done() else answering.exception()
                return _failed(settings, provider, error)
            answer = answering.result()
        finally:
            answering.cancel()
            with suppress(APIError, OSError):
                await session.aclose()
            await model.aclose()
    if not judge_answer(answer, riddle.colours, PALETTE):
        said = quote(bare(settings, answer))
        return blind(f"{name} was shown {' and '.join(riddle.colours)} and answered {said!r}", provider)
    return Verdict("ok", f"{name} sees {' and '.join(riddle.colours)}")


def _provider(settings: Settings) -> Provider:
    asked, services = settings.realtime, settings.services
    if asked.provider == "google":
        return Provider("GOOGLE_API_KEY", "REALTIME__BASE_URL", "REALTIME__MODEL", asked.base_url or GOOGLE_URL)
    address = "REALTIME__BASE_URL" if asked.base_url else "OPENAI_BASE_URL"
    return Provider("OPENAI_API_KEY", address, "REALTIME__MODEL", asked.base_url or services.openai_base_url)


def _code(error: BaseException | None) -> int:
    """The HTTP status, or the code of a closed connection, of an error of Gemini's client or of what it rests on."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return int(status or getattr(error, "code", None) or 0)


async def _answer(settings: Settings, session: Any, picture: EncodedImage) -> str:
    if settings.realtime.provider == "google":
        from agent.realtime.gemini_line import content_of  # noqa: PLC0415 - an extra, and seconds of imports

        shown = picture_content("doctor:0:riddle", picture, settings.vision.detail)
        session.send(content_of(ChatMessage(role="user", content=[QUESTION, shown])))
    else:
        content = [{"type": "input_text", "text": QUESTION}, {"type": "input_image", "image_url": picture.data_url}]
        item = {"type": "message", "role": "user", "content": content}
        session.send_event({"type": "conversation.item.create", "item": item})
    generation = await session.generate_reply()
    return "".join([str(piece) async for message in generation.message_stream async for piece in message.text_stream])


def _failed(settings: Settings, provider: Provider, error: BaseException | None) -> Verdict:
    cause = error.__cause__ if error is not None else None
    if isinstance(cause, aiohttp.WSServerHandshakeError):
        return refused(provider, cause.status, "")
    if isinstance(error, OSError):
        return unreachable(provider.address, host(provider.url), bare(settings, error.strerror or str(error)))
    if settings.realtime.provider == "google" and (code := _code(error)):
        words = str(getattr(error, "message", None) or error)
        return refused(provider, status_of_close(code, words), bare(settings, words))
    if isinstance(error, APIConnectionError | APIError):
        return failed(settings, provider, error)
    if isinstance(error, RealtimeError):
        return complained(provider, bare(settings, str(error)))
    raise error if error is not None else RuntimeError("no answer and no error")
