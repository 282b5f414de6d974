"""Facts of livekit-agents about replies, tried on a real session whose model is scripted: no room, no speech."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit.agents import NOT_GIVEN, AgentSession, AgentStateChangedEvent, APIConnectOptions, UserStateChangedEvent
from livekit.agents.llm import LLM, ChatChunk, ChatContext, ChoiceDelta, FunctionToolCall, LLMStream, Tool
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NotGivenOr

from agent.assistant import Assistant
from agent.ops.stalls import StallWatch
from agent.turns import TurnLog
from agent.vision.album import Album
from agent.vision.memory import Memory, Shown
from agent.vision.tools import sight_tools
from config.vision import VisionSettings
from tests.fakes import FakeSight, data_url, view
from tests.talk import lines, pictures


class Model(LLM[Any]):
    """Calls the tools that were scripted, one a request, then says a word; it keeps what it was sent."""

    def __init__(self, *calls: tuple[str, str]):
        super().__init__()
        self.calls = list(calls)
        self.requests: list[ChatContext] = []
        self.offered: list[list[str]] = []

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
        delta = ChoiceDelta(role="assistant", content="Done.")
        if self._llm.calls:
            name, arguments = self._llm.calls.pop(0)
            call = FunctionToolCall(name=name, arguments=arguments, call_id=f"call_{len(self._llm.requests)}")
            delta = ChoiceDelta(role="assistant", tool_calls=[call])
        self._event_ch.send_nowait(ChatChunk(id="chunk", delta=delta))


class Call:
    """A session with our agent, whose replies end when their words are there."""

    def __init__(self, *calls: tuple[str, str]):
        self.model = Model(*calls)
        self.sight = FakeSight()
        self.memory = Memory(self.sight, clock=lambda: 1_700_000_010.0)
        self.album = Album(max_turns=3, max_bytes=1000)
        self.session: AgentSession[None] = AgentSession(llm=self.model)
        self.turns: list[tuple[dict[str, Any], Shown | None]] = []
        TurnLog(self.session, self.memory, StallWatch(), lambda event, shown: self.turns.append((event, shown)))

    async def start(self) -> None:
        """Begin the session."""
        settings = VisionSettings(look_tool=True, recall_tool=True)
        tools = sight_tools(settings, self.sight, self.memory, self.album)
        self.refused: list[str] = []
        agent = Assistant(
            "You see.",
            self.memory,
            tools=tools,
            on_turn=lambda _: None,
            on_sound=lambda _: None,
            on_refused=self.refused.extend,
        )
        await self.session.start(agent, record=False)

    async def reply(self, text: str = "") -> str:
        """What the user typed, or nothing, is answered; gives the reply's id."""
        speech = self.session.generate_reply(user_input=text or NOT_GIVEN)
        async with asyncio.timeout(30):
            await speech
        return speech.id


@asynccontextmanager
async def calling(*calls: tuple[str, str]) -> AsyncIterator[Call]:
    """A call whose model will call these tools."""
    call = Call(*calls)
    await call.start()
    try:
        yield call
    finally:
        await call.session.aclose()


async def test_tool_and_the_request_after_it_know_the_same_reply() -> None:
    """What the tool brings to light is found by `RunContext.speech_handle.id`, under which the request is made."""
    async with calling(("look", '{"region": "top left"}')) as call:
        reply = await call.reply("What does it say?")
        first, second = call.model.requests
        assert pictures(first) == [data_url("camera 1")]
        assert pictures(second) == [data_url("camera 1"), data_url("camera top left")]
        assert [item.type for item in second.items[-3:]] == ["function_call", "function_call_output", "message"]
        assert lines(second) == ["[The user's camera, top left, in full resolution, at 22:13:20 UTC.]"]
        shown = call.memory.shown_for(reply)
        assert shown is not None
        assert [shot.part for shot in shown.looks] == ["top left"]
        assert call.sight.looks == 2  # the request after the tool was shown the reply's own view


async def test_tools_in_a_row_are_all_shown_to_the_same_reply() -> None:
    """Each request after a tool goes on under the same id, and so does what a generated reply calls."""
    async with calling(("look", "{}"), ("recall", "{}")) as call:
        call.album.add(view("earlier"))
        reply = await call.reply()
        assert [pictures(request) for request in call.model.requests] == [
            [data_url("camera 1")],
            [data_url("camera 1"), data_url("camera 2")],
            [data_url("camera 1"), data_url("camera 2"), data_url("earlier")],
        ]
        shown = call.memory.shown_for(reply)
        assert shown is not None
        assert shown.question is None


async def test_reply_with_tools_is_one_turn() -> None:
    """It is told when its words are there, with what its last request was shown."""
    async with calling(("look", "{}")) as call:
        reply = await call.reply("What does it say?")
        [(event, shown)] = call.turns
        assert (event["turn"], event["kind"], event["images"], event["tool_images"]) == (1, "typed", 2, 1)
        assert shown == call.memory.shown_for(reply)


async def test_what_tools_brought_to_light_is_not_shown_to_the_next_turn() -> None:
    """Its receipt is."""
    async with calling(("look", "{}")) as call:
        await call.reply("What does it say?")
        await call.reply("And now?")
        last = call.model.requests[-1]
        assert pictures(last) == [data_url("camera 3")]
        [output] = [item for item in last.items if item.type == "function_call_output"]
        assert output.output.startswith("Seen: the user's camera at 22:13:22 UTC")


async def test_both_tools_are_offered_with_every_request() -> None:
    """By the names that the model calls them."""
    async with calling(("look", "{}")) as call:
        await call.reply("What does it say?")
        assert call.model.offered == [["look", "recall"]] * 2


async def test_session_tells_what_the_agent_does() -> None:
    """`Onlooker` goes by these events, and by `new_state`."""
    call = Call()
    states: list[str] = []
    call.session.on("agent_state_changed", lambda event: states.append(event.new_state))
    await call.start()
    await call.reply("Hello")
    await call.session.aclose()
    assert states[0] == "listening"
    assert "thinking" in states
    assert set(states) <= {"initializing", "idle", "listening", "thinking", "speaking"}


async def test_session_tells_when_the_user_speaks() -> None:
    """The states of `user_state_changed` that matter are these two; what we listen to is what is emitted."""
    call = Call()
    told: list[object] = []
    call.session.on("user_state_changed", told.append)
    call.session._update_user_state("speaking")
    call.session._update_user_state("listening")
    assert [event.new_state for event in told if isinstance(event, UserStateChangedEvent)] == ["speaking", "listening"]
    assert {"old_state", "new_state"} <= set(AgentStateChangedEvent.model_fields) & set(
        UserStateChangedEvent.model_fields
    )
