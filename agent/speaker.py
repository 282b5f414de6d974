"""An answer on its way to the caller: asked for patience when it is late, apologised for when it fails."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog
from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, tts
from livekit.agents.llm import ChatChunk, ChatContext, ChatMessage
from livekit.agents.types import FlushSentinel

from agent.patience import StalledError, Waiting, patiently
from agent.phrases import Phrases
from agent.spare import Spare
from config.settings import Settings

log = structlog.stdlib.get_logger(__name__)

_KEPT = 16
"""Outcomes of replies that nobody asked for: speculations that were given up; drops the oldest."""


@dataclass(slots=True)
class Outcome:
    """How the model did in one reply.

    Attributes:
        asked: When it was asked first, in seconds of `time.monotonic`.
        ttft_ms: Milliseconds until its own first token.
        held: Whether the caller was asked for patience.
        error: Why there is no answer, or only the beginning of one.
        begun: Whether there was a beginning.
    """

    asked: float
    ttft_ms: int | None = None
    held: bool = False
    error: Exception | None = None
    begun: bool = False


class Said:
    """Text on its way to a voice, which knows whether it is complete."""

    def __init__(self, text: AsyncIterable[str]):
        self._text = text
        self.complete = False

    async def __aiter__(self) -> AsyncIterator[str]:
        async for piece in self._text:
            yield piece
        self.complete = True


class Speaker:
    """Sees to it that a caller is never left in silence: by the model's words, or by our own."""

    def __init__(self, session: AgentSession[None], settings: Settings, phrases: Phrases):
        self._session = session
        self._phrases = phrases
        self._hold_s = settings.agent.hold_after_s
        self._model_stall_s = settings.llm.stall_s
        self._model_timeout_s = max(settings.llm.stall_s, settings.llm.timeout_s)
        self._voice_stall_s = settings.tts.timeout_s
        self._sentences = (phrases.hold, phrases.sorry, phrases.cut)
        self._spare = Spare()
        self._sounding = False
        self._broken = False
        self._preparing: asyncio.Task[None] | None = None
        self._outcomes: dict[str, Outcome] = {}

    def register(self) -> None:
        """Prepare for bad moments in the first good one: when the agent has spoken."""
        self._session.on("agent_state_changed", self._on_agent)
        if isinstance(self._session.tts, tts.FallbackAdapter):
            self._session.tts.on("tts_availability_changed", self._on_voice)

    async def aclose(self) -> None:
        """Prepare no further."""
        self._session.off("agent_state_changed", self._on_agent)
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)

    def outcome(self, reply: str) -> Outcome | None:
        """How the model did in a reply; told once."""
        return self._outcomes.pop(reply, None)

    def forget_waiting(self, request: ChatContext) -> None:
        """Take our own asking for patience out of what the model is said to have said."""
        for item in [item for item in request.items if isinstance(item, ChatMessage) and item.role == "assistant"]:
            text = item.text_content or ""
            if (kept := self._phrases.without_waiting(text)) == text:
                continue
            at = request.items.index(item)
            request.items[at : at + 1] = [item.model_copy(update={"content": [kept]})] if kept else []

    async def answer(
        self, reply: str, pieces: AsyncIterable[ChatChunk], *, tools: bool = False
    ) -> AsyncGenerator[ChatChunk | str | FlushSentinel]:
        """The model's pieces, with our words where it keeps the caller waiting or fails.

        With `tools` it may be silent for longer in the middle: a call comes in one piece, when its arguments are there.
        """
        outcome = self._outcomes.pop(reply, None) or Outcome(time.monotonic())
        self._outcomes[reply] = outcome
        while len(self._outcomes) > _KEPT:
            del self._outcomes[next(iter(self._outcomes))]
        outcome.begun = False
        stall_s = self._model_timeout_s if tools else self._model_stall_s
        stream = self._patiently(reply, pieces, lambda: stall_s, ChatChunk.has_response)
        try:
            async with aclosing(stream) as answer:
                async for piece in answer:
                    if isinstance(piece, Waiting):
                        log.warning("model_late", again=outcome.held)
                        yield f"{self._phrases.still if outcome.held else self._phrases.hold} "
                        outcome.held = True
                        yield FlushSentinel()  # to be spoken now, and by a voice that does not wait for the rest
                        continue
                    if piece.has_response() and not outcome.begun:
                        outcome.begun = True
                        outcome.ttft_ms = outcome.ttft_ms or round((time.monotonic() - outcome.asked) * 1000)
                    yield piece
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller waits; the turn's log line tells
            outcome.error = error
            yield f" {self._phrases.cut}" if outcome.begun else self._phrases.sorry

    async def sound(
        self, reply: str, said: Said, frames: AsyncIterable[rtc.AudioFrame]
    ) -> AsyncGenerator[rtc.AudioFrame]:
        """The voice's sound. Where it is late or fails, what was prepared for that.

        Raises:
            Exception: What the voice raised, for the session to know what was not said.
        """
        begun = self._broken = False
        stream = self._patiently(reply, frames, lambda: self._voice_stall_s if said.complete else None)
        try:
            async with aclosing(stream) as sound:
                async for frame in sound:
                    if not isinstance(frame, Waiting):
                        begun = self._sounding = True
                        yield frame
                    elif self._phrases.hold in self._spare:
                        log.warning("voice_late")
                        async for spare in self._spare.frames(self._phrases.hold):
                            yield spare
            if self._broken:
                raise StalledError("the voice broke off")  # noqa: TRY301 - who steps in says nothing of it
        except Exception as error:
            log.error("voice_failed", begun=begun, error=type(error).__name__)  # noqa: TRY400 - may quote what was said
            if (outcome := self._outcomes.get(reply)) is not None:
                outcome.error, outcome.begun = error, begun
            if self._is_heard(reply):
                sentence = self._phrases.cut if begun else self._phrases.sorry
                self._session.say(sentence, audio=self._spare.frames(sentence), add_to_chat_ctx=False)
            raise
        finally:
            self._sounding = False

    def _patiently(
        self,
        reply: str,
        source: AsyncIterable[Any],
        stall_s: Callable[[], float | None],
        begins: Callable[[Any], bool] = lambda _: True,
    ) -> AsyncGenerator[Any]:
        return patiently(
            source,
            first_s=self._hold_s,
            again_s=3 * self._hold_s,
            stall_s=stall_s,
            begins=begins,
            now=lambda: self._is_heard(reply),
        )

    def _is_heard(self, reply: str) -> bool:
        """Whether this is the reply that the caller waits for: no speculation, and none behind another one."""
        speech = self._session.current_speech
        return speech is not None and speech.id == reply and self._session.user_state != "speaking"

    def _on_voice(self, event: tts.AvailabilityChangedEvent) -> None:
        # With others to step in, one that breaks off after its first sound ends as if it had said all.
        self._broken = self._broken or (self._sounding and not event.available)

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        voice = self._session.tts
        needed = [each for each in self._sentences if each not in self._spare]
        idle = self._preparing is None or self._preparing.done()
        if event.old_state == "speaking" and voice is not None and needed and idle:
            self._preparing = asyncio.create_task(self._spare.prepare(voice, needed))
