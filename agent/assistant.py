"""The agent of one call: the framework's default pipeline, with a view attached to every model request."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import aclosing

import structlog
from livekit import rtc
from livekit.agents import Agent, APIError, ModelSettings
from livekit.agents.llm import ChatChunk, ChatContext, ChatMessage, StopResponse, Tool
from livekit.agents.stt import SpeechEvent
from livekit.agents.types import FlushSentinel
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar

from agent.listening import Listening
from agent.providers import ModelChain, refuses
from agent.speaker import Said, Speaker
from agent.uploads.message import uploads_in
from agent.vision.memory import Memory
from agent.vision.pictures import images

log = structlog.stdlib.get_logger(__name__)

DEFAULT_INSTRUCTIONS = """\
You are a friendly voice assistant on a call. You see what the user's camera or shared screen shows: the newest \
picture comes with each of their turns. Look at it before you answer, and answer from what it shows when they ask \
about it. A line in square brackets tells you facts about the call, such as why there is no picture right now; \
when the user asks about something you can't see, say so and why. Pictures the user uploads are in the conversation.
Speak in short, plain sentences without lists, markup or emoji: everything you write is spoken aloud.\
"""


class Assistant(Agent):
    """An agent that sees."""

    def __init__(
        self,
        instructions: str,
        memory: Memory,
        *,
        background: ChatMessage | None = None,
        tools: Sequence[Tool] = (),
        on_turn: Callable[[ChatMessage], None],
        on_sound: Callable[[float], None],
        on_refused: Callable[[list[str]], None],
        speaker: Speaker,
        listening: Listening,
    ):
        """What the conversation begins with is `background`.

        `on_turn` is told of every spoken turn as it is confirmed, `on_sound` of seconds of speech as it is made, and
        `on_refused` of the uploads in a request that the provider refused.
        """
        context = ChatContext([] if background is None else [background])
        super().__init__(instructions=instructions, chat_ctx=context, tools=list(tools))
        self._memory = memory
        self._on_turn = on_turn
        self._on_sound = on_sound
        self._on_refused = on_refused
        self._speaker = speaker
        self._listening = listening

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:
        """Let history show the view from which the speculative reply was made; a turn without words is none."""
        if not new_message.text_content:
            raise StopResponse  # a button that was pressed in silence
        self._memory.adopt(new_message, turn_ctx.items)
        self._on_turn(new_message)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[SpeechEvent]:
        """Listening, by whoever listens at the moment."""
        heard = self._listening.steady(Agent.default.stt_node(self, audio, model_settings))
        async with aclosing(heard) as events:
            async for event in events:
                yield event

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncIterable[ChatChunk | str | FlushSentinel]:
        """Every request passes here: spoken, typed and generated, speculative or not, and again after tools."""
        reply = _reply_id()
        request = await self._memory.request(chat_ctx, reply)
        self._speaker.forget_waiting(request)
        answer = self._answer(chat_ctx, request, reply, tools, model_settings)
        async with aclosing(self._speaker.answer(reply, answer, tools=bool(tools))) as pieces:
            async for piece in pieces:
                yield piece

    async def _answer(
        self,
        chat_ctx: ChatContext,
        request: ChatContext,
        reply: str,
        tools: list[Tool],
        model_settings: ModelSettings,
    ) -> AsyncIterator[ChatChunk]:
        """The model's answer. A provider that refuses the request for its pictures is asked once more without them."""
        shows = any(images(item) for item in request.items)
        asked, begun = time.monotonic(), False
        try:
            async for chunk in Agent.default.llm_node(self, request, tools, model_settings):
                begun = True
                yield _chunk(chunk)
        except APIError as error:
            if begun or not shows or not self._refused(error, asked):
                raise
            log.warning("request_refused", status=getattr(error, "status_code", None))
        else:
            return
        # Not every refusal is about the pictures: it was if the same request is taken without them.
        words = self._memory.without_pictures(request)
        async for chunk in Agent.default.llm_node(self, words, tools, model_settings):
            if not begun:
                begun = True
                log.warning("pictures_refused")
                self._memory.give_up_pictures(chat_ctx, reply)
                self._on_refused(uploads_in(request.items))
            yield _chunk(chunk)

    def _refused(self, error: APIError, asked: float) -> bool:
        """Whether the request was refused: by the model, or by one of several."""
        model = self.session.llm
        return refuses(error) or (isinstance(model, ModelChain) and model.refused_since(asked))

    async def tts_node(self, text: AsyncIterable[str], model_settings: ModelSettings) -> AsyncIterable[rtc.AudioFrame]:
        """Speech is made faster than it is heard: its length tells when the caller may speak again."""
        said = Said(text)
        sound = Agent.default.tts_node(self, said, model_settings)
        async with aclosing(self._speaker.sound(_reply_id(), said, sound)) as frames:
            async for frame in frames:
                self._on_sound(frame.duration)
                yield frame


def _chunk(chunk: object) -> ChatChunk:
    assert isinstance(chunk, ChatChunk)  # the framework's own node gives nothing else
    return chunk


def _reply_id() -> str:
    """Id of the reply that this request is for; the framework's tasks carry it, and nothing public tells it.

    Held by `tests/unit/test_framework_facts.py` and every room test.
    """
    return _SpeechHandleContextVar.get().id
