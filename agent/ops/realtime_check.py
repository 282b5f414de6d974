"""What the doctor tries of a speech-to-speech model: one question about a picture, by the client that a call uses."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import aiohttp
from livekit.agents import APIConnectionError, APIError
from livekit.agents.llm import RealtimeError, RealtimeModelError
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context

from agent.ops.bare import bare, host
from agent.ops.finding import Verdict
from agent.ops.provider_checks import blind, failed
from agent.ops.riddle import PALETTE, QUESTION, Riddle
from agent.ops.verdict import Provider, complained, judge_answer, quote, refused
from agent.realtime.model import realtime_model
from config.settings import Settings

_ONCE: Final = APIConnectOptions(max_retry=0, timeout=10)


async def check_realtime(settings: Settings) -> Verdict:
    """Whether the model answers, and sees: asked for the colours of a picture that was made a moment ago."""
    asked = settings.realtime
    address = "REALTIME__BASE_URL" if asked.base_url else "OPENAI_BASE_URL"
    provider = Provider(
        "OPENAI_API_KEY",
        address,
        "REALTIME__MODEL",
        asked.base_url or settings.services.openai_base_url,
    )
    name = f"{asked.chosen} at {host(provider.url)}"
    riddle = Riddle.new()
    async with http_context.open():
        model = realtime_model(settings, _ONCE)
        session = model.session()
        broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

        def fail(event: RealtimeModelError) -> None:
            if not broken.done():
                broken.set_result(event.error)

        session.on("error", fail)
        answering = asyncio.create_task(_answer(session, riddle.picture().data_url))
        try:
            waited: set[asyncio.Future[Any]] = {answering, broken}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if broken.done() or answering.exception() is not None:
                error = broken.result() if broken.done() else answering.exception()
                return _failed(settings, provider, error)
            answer = answering.result()
        finally:
            answering.cancel()
            with suppress(APIError):
                await session.aclose()
            await model.aclose()
    if not judge_answer(answer, riddle.colours, PALETTE):
        said = quote(bare(settings, answer))
        return blind(f"{name} was shown {' and '.join(riddle.colours)} and answered {said!r}", provider)
    return Verdict("ok", f"{name} sees {' and '.join(riddle.colours)}")


async def _answer(session: Any, picture: str) -> str:
    content = [{"type": "input_text", "text": QUESTION}, {"type": "input_image", "image_url": picture}]
    item = {"type": "message", "role": "user", "content": content}
    session.send_event({"type": "conversation.item.create", "item": item})
    generation = await session.generate_reply()
    return "".join([str(piece) async for message in generation.message_stream async for piece in message.text_stream])


def _failed(settings: Settings, provider: Provider, error: BaseException | None) -> Verdict:
    cause = error.__cause__ if error is not None else None
    if isinstance(cause, aiohttp.WSServerHandshakeError):
        return refused(provider, cause.status, "")
    if isinstance(error, APIConnectionError | APIError):
        return failed(settings, provider, error)
    if isinstance(error, RealtimeError):
        return complained(provider, bare(settings, str(error)))
    raise error if error is not None else RuntimeError("no answer and no error")
