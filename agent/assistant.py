"""The agent of one call: the framework's default pipeline, with a view attached to every model request."""

from collections.abc import AsyncIterable, Callable, Sequence

import structlog
from livekit import rtc
from livekit.agents import Agent, APIStatusError, ErrorEvent, ModelSettings
from livekit.agents.llm import ChatChunk, ChatContext, ChatMessage, LLMError, Tool
from livekit.agents.types import FlushSentinel
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar

from agent.uploads.message import uploads_in
from agent.vision.memory import Memory
from agent.vision.pictures import images

log = structlog.stdlib.get_logger(__name__)

_REFUSALS = frozenset({400, 413, 415, 422})
"""HTTP states by which providers refuse a picture: bad request, too large, unsupported, unprocessable."""

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
        self._showing = 0

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:
        """Let history show the view from which the speculative reply was made."""
        self._memory.adopt(new_message, turn_ctx.items)
        self._on_turn(new_message)

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncIterable[ChatChunk | str | FlushSentinel]:
        """Every request passes here: spoken, typed and generated, speculative or not, and again after tools.

        A provider that refuses the request for its pictures is asked once more without them.
        """
        reply = _reply_id()
        request = await self._memory.request(chat_ctx, reply)
        shows = any(images(item) for item in request.items)
        begun = False
        self._showing += shows
        try:
            async for chunk in Agent.default.llm_node(self, request, tools, model_settings):
                begun = True
                yield chunk
        except APIStatusError as error:
            if begun or not shows or not _refuses(error):
                raise
            log.warning("request_refused", status=error.status_code)
        else:
            return
        finally:
            self._showing -= shows
        # Not every refusal is about the pictures: it was if the same request is taken without them.
        words = self._memory.without_pictures(request)
        async for chunk in Agent.default.llm_node(self, words, tools, model_settings):
            if not begun:
                begun = True
                log.warning("pictures_refused")
                self._memory.give_up_pictures(chat_ctx, reply)
                self._on_refused(uploads_in(request.items))
            yield chunk

    def forgive(self, event: ErrorEvent) -> None:
        """A refusal that is about to be answered in words is none of those after which the session gives up."""
        error = event.error
        if self._showing and isinstance(error, LLMError) and _refuses(error.error):
            error.recoverable = True

    async def tts_node(self, text: AsyncIterable[str], model_settings: ModelSettings) -> AsyncIterable[rtc.AudioFrame]:
        """Speech is made faster than it is heard: its length tells when the caller may speak again."""
        async for frame in Agent.default.tts_node(self, text, model_settings):
            self._on_sound(frame.duration)
            yield frame


def _refuses(error: Exception) -> bool:
    return isinstance(error, APIStatusError) and error.status_code in _REFUSALS


def _reply_id() -> str:
    """Id of the reply that this request is for; the framework's tasks carry it, and nothing public tells it.

    Held by `tests/unit/test_framework_facts.py` and every room test.
    """
    return _SpeechHandleContextVar.get().id
