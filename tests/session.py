"""A real session of our agent whose model is scripted: no room, no speech."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from livekit.agents import NOT_GIVEN, AgentSession, APIConnectOptions, APIStatusError
from livekit.agents.llm import LLM, ChatChunk, ChatContext, ChoiceDelta, FunctionToolCall, LLMStream, Tool
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NotGivenOr

from agent.assistant import Assistant
from agent.listening import Listening
from agent.ops.stalls import StallWatch
from agent.phrases import phrases
from agent.speaker import Speaker
from agent.turns import TurnLog
from agent.vision.album import Album
from agent.vision.memory import Memory, Shown
from agent.vision.tools import sight_tools
from config.phrases import PhraseSettings
from config.vision import VisionSettings
from tests.fakes import FakeSight, settings


class Model(LLM[Any]):
    """Calls the tools that were scripted, one a request, then says a word; it keeps what it was sent."""

    def __init__(self, *calls: tuple[str, str]):
        super().__init__()
        self.calls = list(calls)
        self.requests: list[ChatContext] = []
        self.offered: list[list[str]] = []
        self.refuses: Callable[[ChatContext], bool] = lambda _: False
        """Which requests are answered by a 400."""
        self.says: tuple[str | asyncio.Event | Exception, ...] = ("Done.",)
        """What an answer consists of: words, events that it waits for, and what it fails with."""

    def chat(
        self,
        *,
        chat_ctx: ChatContext,
        tools: list[Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,  # noqa: ARG002 - the framework's signature
        tool_choice: NotGivenOr[Any] = NOT_GIVEN,  # noqa: ARG002
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,  # noqa: ARG002
    ) -> LLMStream:
        """Note the request and answer it."""
        self.requests.append(chat_ctx)
        self.offered.append([tool.id for tool in tools or []])
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Answer(LLMStream):
    """The next tool call of the script, or a word."""

    async def _run(self) -> None:
        assert isinstance(self._llm, Model)
        if self._llm.refuses(self.chat_ctx):
            raise APIStatusError("refused", status_code=400)
        if self._llm.calls:
            name, arguments = self._llm.calls.pop(0)
            call = FunctionToolCall(name=name, arguments=arguments, call_id=f"call_{len(self._llm.requests)}")
            self._send(ChoiceDelta(role="assistant", tool_calls=[call]))
            return
        for moment in self._llm.says:
            if isinstance(moment, asyncio.Event):
                await moment.wait()
            elif isinstance(moment, Exception):
                raise moment
            else:
                self._send(ChoiceDelta(role="assistant", content=moment))

    def _send(self, delta: ChoiceDelta) -> None:
        self._event_ch.send_nowait(ChatChunk(id="chunk", delta=delta))


class Call:
    """A session with our agent, whose replies end when their words are there."""

    def __init__(self, *calls: tuple[str, str], **changes: Any):
        self.model = Model(*calls)
        self.sight = FakeSight()
        self.memory = Memory(self.sight, clock=lambda: 1_700_000_010.0)
        self.album = Album(max_turns=3, max_bytes=1000)
        self.session: AgentSession[None] = AgentSession(llm=self.model)
        self.turns: list[tuple[dict[str, Any], Shown | None]] = []
        spoken = phrases(PhraseSettings(), "en")
        self.speaker = Speaker(self.session, replace(settings(), **changes), spoken)
        self.listening = Listening(self.session, settings(), spoken)
        TurnLog(
            self.session,
            self.memory,
            StallWatch(),
            outcome=self.speaker.outcome,
            on_turn=lambda event, shown: self.turns.append((event, shown)),
        )

    async def start(self) -> None:
        """Begin the session."""
        settings = VisionSettings(look_tool=True, recall_tool=True)
        tools = sight_tools(settings, self.sight, self.memory, self.album)
        self.refused: list[str] = []
        self.agent = Assistant(
            "You see.",
            self.memory,
            tools=tools,
            on_turn=lambda _: None,
            on_sound=lambda _: None,
            on_refused=self.refused.extend,
            speaker=self.speaker,
            listening=self.listening,
        )
        await self.session.start(self.agent, record=False)

    async def reply(self, text: str = "") -> str:
        """What the user typed, or nothing, is answered; gives the reply's id."""
        speech = self.session.generate_reply(user_input=text or NOT_GIVEN)
        async with asyncio.timeout(30):
            await speech
        return speech.id


@asynccontextmanager
async def calling(*calls: tuple[str, str], **changes: Any) -> AsyncIterator[Call]:
    """A call whose model will call these tools; `changes` are sections of its settings."""
    call = Call(*calls, **changes)
    await call.start()
    try:
        yield call
    finally:
        await call.session.aclose()
