"""Listening that does not fail in silence: the caller is told what was missed, and a dead listener is exchanged."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

import structlog
from livekit.agents import (
    AgentSession,
    APIConnectionError,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    stt,
)
from livekit.agents.stt import SpeechEvent

from agent.ear import Ear
from agent.phrases import Phrases

log = structlog.stdlib.get_logger(__name__)

LATE_S = 1.5
"""Seconds after speech in which its transcript may still come, of a listener that takes a stream."""
LATE_WHOLE_S = 4.0
"""The same of one that is sent the whole of it afterwards."""
_PAUSES_S = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Before each further attempt at a listener that fails at once; the session adds half a second of its own."""


class Listening:
    """Follows what a session hears of its caller."""

    def __init__(self, session: AgentSession[None], phrases: Phrases):
        self._session = session
        self._phrases = phrases
        self._ear = Ear()
        self._failures = 0
        self._reader: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None

    def register(self) -> None:
        """Follow the session."""
        self._session.on("user_state_changed", self._on_user)
        self._session.on("user_input_transcribed", self._on_transcript)
        self._session.on("error", self._on_error)
        if isinstance(self._session.stt, stt.FallbackAdapter):
            # Who steps in begins with the next word: those before are lost with the listener that failed.
            self._session.stt.on("stt_availability_changed", lambda _: self._fault())

    async def aclose(self) -> None:
        """Stop following."""
        self._session.off("user_state_changed", self._on_user)
        self._session.off("user_input_transcribed", self._on_transcript)
        self._session.off("error", self._on_error)
        if self._waiting is not None:
            self._waiting.cancel()

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
            if reader.cancelled() or reader.cancelling():
                raise APIConnectionError("nothing was understood")
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def _on_user(self, event: UserStateChangedEvent) -> None:
        now = asyncio.get_running_loop().time()
        if event.new_state == "speaking":
            self._ear.speaking(now)
        elif event.old_state == "speaking":
            self._ear.silent(now)
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = asyncio.create_task(self._judge())

    def _on_transcript(self, event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            self._failures = 0
            self._ear.transcript(asyncio.get_running_loop().time(), final=event.is_final)

    def _on_error(self, event: ErrorEvent) -> None:
        if isinstance(event.error, stt.STTError):
            self._fault()

    def _fault(self) -> None:
        self._ear.fault(asyncio.get_running_loop().time())

    async def _judge(self) -> None:
        listener = self._session.stt
        await asyncio.sleep(LATE_S if listener is None or listener.capabilities.streaming else LATE_WHOLE_S)
        missed = self._ear.missed(asyncio.get_running_loop().time())
        if missed is None:
            return
        log.warning("caller_not_heard", state=missed, exchanged=self._ear.suspects)
        if self._ear.suspects and self._reader is not None:
            self._reader.cancel()
        if self._session.agent_state in {"listening", "idle"}:
            self._session.say(self._phrases.deaf if missed == "deaf" else self._phrases.unheard)


async def _read(heard: AsyncIterable[SpeechEvent], events: asyncio.Queue[SpeechEvent | None]) -> None:
    try:
        async for event in heard:
            events.put_nowait(event)
    finally:
        events.put_nowait(None)
