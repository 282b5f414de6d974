"""Listening that does not fail in silence: the caller is told what was missed, and a dead listener is exchanged."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import suppress

import structlog
from livekit.agents import (
    AgentSession,
    APIConnectionError,
    APIError,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    stt,
)
from livekit.agents.stt import SpeechEvent

from agent.ear import Ear
from agent.phrases import Phrases
from config.settings import Settings

log = structlog.stdlib.get_logger(__name__)

LATE_S = 1.9
"""Seconds after speech in which its transcript may still come, of a listener that takes a stream."""
LATE_WHOLE_S = 4.0
"""The same of one that is sent the whole of it afterwards."""
_PAUSES_S = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Before each further attempt at a listener that fails at once; the session adds half a second of its own."""


class Listening:
    """Follows what a session hears of its caller."""

    def __init__(self, session: AgentSession[None], settings: Settings, phrases: Phrases):
        self._session = session
        self._listens = settings.turn.detection in {"vad", "model"} and not any(
            each.model.startswith("flux") for each in settings.stt.chain
        )
        self._late_s = LATE_WHOLE_S if any(each.provider == "openai" for each in settings.stt.chain) else LATE_S
        self._phrases = phrases
        self._ear = Ear()
        self._failures = 0
        self._reader: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None

    def register(self) -> None:
        """Follow the session, where silence ends a turn: else a pause says nothing about the listener."""
        if not self._listens:
            return
        self._session.on("user_state_changed", self._on_user)
        self._session.on("user_input_transcribed", self._on_transcript)
        self._session.on("error", self._on_error)
        if isinstance(self._session.stt, stt.FallbackAdapter):
            # Who steps in begins with the next word: those before are lost with the listener that failed.
            self._session.stt.on("stt_availability_changed", self._on_change)

    async def aclose(self) -> None:
        """Stop following."""
        if self._listens:
            self._session.off("user_state_changed", self._on_user)
            self._session.off("user_input_transcribed", self._on_transcript)
            self._session.off("error", self._on_error)
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    def forget(self) -> None:
        """The session begins to listen anew, as it was told to: nothing has failed, and nothing was missed."""
        self._failures = 0
        self._ear.forget()
        if self._waiting is not None:
            self._waiting.cancel()

    async def steady(self, heard: AsyncIterable[SpeechEvent]) -> AsyncGenerator[SpeechEvent]:
        """What a listener hears, until it is to be exchanged.

        Raises:
            APIConnectionError: When it is: the session then opens another.
        """
        await asyncio.sleep(_PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)])
        self._failures += 1
        events: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self._reader = reader = asyncio.create_task(_read(heard, events))
        try:
            while (event := await events.get()) is not None:
                yield event
            if not reader.cancelled() and not reader.cancelling():
                await reader
                return
        except APIError:
            raise
        except Exception as error:
            # The session goes on with another listener after such an error, and after no other.
            raise APIConnectionError(type(error).__name__) from error
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        raise APIConnectionError("nothing was understood")

    def _on_user(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            # Over the agent's own speech the listener may be sent silence, and an echo is no speech at all.
            if self._session.agent_state != "speaking":
                self._ear.speaking(event.created_at)
        elif event.old_state == "speaking":
            self._ear.silent(event.created_at)
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = asyncio.create_task(self._judge())

    def _on_transcript(self, event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            self._failures = 0
            self._ear.transcript(time.time(), final=event.is_final)

    def _on_error(self, event: ErrorEvent) -> None:
        if isinstance(event.error, stt.STTError):
            self._fault()

    def _on_change(self, event: stt.AvailabilityChangedEvent) -> None:
        if not event.available:
            self._fault()

    def _fault(self) -> None:
        self._ear.fault(time.time())

    async def _judge(self) -> None:
        await asyncio.sleep(self._late_s)
        missed = self._ear.missed(time.time())
        if missed is None:
            return
        log.warning("caller_not_heard", state=missed, exchanged=self._ear.suspects)
        if self._ear.suspects and self._reader is not None:
            self._reader.cancel()
        if self._session.agent_state in {"listening", "idle"}:
            sentence = self._phrases.deaf if missed == "deaf" else self._phrases.unheard
            with suppress(RuntimeError):  # the session has ended
                self._session.say(sentence, add_to_chat_ctx=False)


async def _read(heard: AsyncIterable[SpeechEvent], events: asyncio.Queue[SpeechEvent | None]) -> None:
    try:
        async for event in heard:
            events.put_nowait(event)
    finally:
        events.put_nowait(None)
