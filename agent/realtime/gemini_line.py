"""The line to Gemini Live: views in its stream of video, and what stays as content."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import structlog
from google.genai import types
from livekit.agents import Agent
from livekit.agents.llm import ChatContext, ChatMessage
from livekit.agents.metrics import RealtimeModelMetrics

from agent.floor import Floor
from agent.realtime.gemini_session import GeminiSession
from agent.realtime.line import messages
from agent.vision.card import card
from agent.vision.encoded import EncodedImage
from agent.vision.pictures import why_blind, why_missing
from agent.vision.view import Look, View
from config.vision import Detail

log = structlog.stdlib.get_logger(__name__)

_CONNECT_S: Final = 5.0
"""Seconds that a view may wait for a connection; whoever connects then is shown a newer one."""
_CUT: Final = 0.8
"""Share of its tokens below which a conversation was cut: to half, as it was asked for."""


@dataclass(frozen=True)
class _Content:
    message: ChatMessage
    handle: str | None
    """By which the conversation could be resumed as it was sent: under another one it holds this."""


class GeminiLine:
    """Views stream beside the sound, and interrupt nobody. Nothing can be taken out again, but the window slides.

    Content does interrupt an answer that is being made, so it waits for a moment at which none is. Why there is no
    picture is a picture, too: it takes the place of the last view in the stream.
    """

    streams = True
    answers_late = True

    def __init__(self, agent: Agent, floor: Floor, detail: Detail):
        """`agent` must be running before anything is shown."""
        self._agent = agent
        self._floor = floor
        self._detail = detail
        self._stays: dict[str, _Content] = {}
        self._names = itertools.count(1)
        self._tokens = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def view(self, look: Look, *, written: bool) -> Sequence[str] | None:
        """Show it as frames; for a written turn as content, since the stream's frames belong to what is spoken."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._session.connected()
        except TimeoutError:
            log.info("view_not_sent")
            return None
        if written:
            for message in messages(look, self._detail):
                self._send(message)
        else:
            for frame in await _frames(look):
                self._session.send(
                    types.LiveClientRealtimeInput(video=types.Blob(data=frame.data, mime_type=frame.mime))
                )
        return ()

    async def show(self, message: ChatMessage) -> str:
        """Add it to the conversation, when that cuts off nobody."""
        name = str(next(self._names))
        await self._floor.free()
        await self._session.connected()
        self._send(message)
        self._stays[name] = _Content(message, self._session.session_resumption_handle)
        return name

    def take_out(self, item: str) -> None:
        """No more than forget it: it is not told again on a new connection."""
        self._stays.pop(item, None)

    async def aclose(self) -> None:
        """Tell nothing again."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def on_anew(self, told: Callable[[], None]) -> None:
        """Have `told` called when the session has connected anew; what it does not remember is told again before."""
        self._session.listening = self._floor.listening
        self._session.on("metrics_collected", self._on_metrics)
        self._session.on("session_reconnected", lambda _: self._remind(told))

    def _remind(self, told: Callable[[], None]) -> None:
        handle = self._session.session_resumption_handle
        for content in self._stays.values():
            if handle is None or content.handle == handle:  # it goes on from nothing, or from before this was sent
                self._send(content.message)
        told()

    def _on_metrics(self, event: RealtimeModelMetrics) -> None:
        """A conversation that has become shorter was cut, and what stays may have gone with its older part."""
        cut = 0 < event.input_tokens < _CUT * self._tokens
        self._tokens = event.input_tokens or self._tokens
        if cut and self._stays:
            task = asyncio.create_task(self._tell_again())
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell_again(self) -> None:
        await self._floor.quiet()
        for name, content in self._stays.items():
            self._send(content.message)
            self._stays[name] = _Content(content.message, self._session.session_resumption_handle)

    def _send(self, message: ChatMessage) -> None:
        self._session.send(content_of(message))

    @property
    def _session(self) -> GeminiSession:
        return cast("GeminiSession", self._agent.realtime_llm_session)


def content_of(message: ChatMessage) -> types.LiveClientContent:
    """A message as content that asks for no answer yet."""
    turns, _ = ChatContext([message]).to_provider_format(format="google", inject_dummy_user_message=False)
    contents = [types.Content.model_validate(turn) for turn in turns]
    return types.LiveClientContent(turns=contents, turn_complete=False)


async def _frames(look: Look) -> list[EncodedImage]:
    """The pictures of a view, and the words of what could not be seen."""
    lines = why_missing(look) if isinstance(look, View) else [why_blind(look)]
    shots = [shot.image for shot in look.shots] if isinstance(look, View) else []
    return shots + [await asyncio.to_thread(card, line) for line in lines if line]
