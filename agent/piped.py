"""A conversation of three models, one after another: listener, language model, speaker."""

from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

from agent.assistant import Assistant
from agent.conversation import Basis
from agent.gallery import Gallery
from agent.listening import Listening
from agent.phrases import phrases
from agent.speaker import Speaker
from agent.turns import TurnLog
from agent.uploads.message import background_message
from agent.vision.album import Album
from agent.vision.memory import Memory, Shown
from agent.vision.tools import sight_tools
from agent.words import nothing, say_aloud


class PipedConversation:
    """Attaches a view to each request; see `agent.conversation.Conversation`."""

    video_input = False

    def __init__(self, basis: Basis):
        settings, session = basis.settings, basis.session
        vision, sight = settings.vision, basis.onlooker.sight
        memory = Memory(
            sight,
            detail=vision.detail,
            max_views=vision.max_images,
            max_looks=vision.max_looks,
            max_uploads=settings.uploads.max_images,
            max_turns=settings.llm.max_history_turns,
            skip_unchanged=vision.skip_unchanged,
        )
        kept = vision.recall_max_images if vision.recall_tool else 0
        self._album = Album(max_turns=kept, max_bytes=vision.recall_max_bytes)
        spoken = phrases(settings.phrases, settings.tts.language)
        self._speaker = Speaker(session, settings, spoken)
        self._listening = Listening(session, settings, spoken)
        self._tell = basis.on_turn
        self.turns = TurnLog(
            session,
            memory,
            basis.stalls,
            outcome=self._speaker.outcome,
            on_turn=self._on_turn,
            trace=basis.trace,
        )
        background = basis.background
        self.agent = Assistant(
            basis.instructions,
            memory,
            background=background_message(background.pictures, len(background.problems), vision.detail),
            tools=[*sight_tools(vision, sight, memory, self._album), *basis.tools],
            on_turn=self.turns.confirm,
            on_sound=basis.onlooker.attention.sound,
            on_refused=basis.on_refused,
            speaker=self._speaker,
            listening=self._listening,
        )
        self.gallery = Gallery(self.agent, session, is_caller=basis.is_caller, detail=vision.detail)

    def register(self) -> None:
        """Follow the session, before it starts."""
        self._listening.register()
        self._speaker.register()

    def started(self) -> None:
        """The session runs: nothing else is to be done."""

    def forget(self) -> None:
        """The session begins to listen anew."""
        self._listening.forget()

    async def before_answer(self, *, written: bool) -> None:  # noqa: ARG002 - one is as the other here
        """Each request looks by itself."""
        await nothing()

    def say(self, session: AgentSession[None], sentence: str, *, interruptible: bool = True) -> SpeechHandle:
        """By the speaker."""
        return say_aloud(session, sentence, interruptible=interruptible)

    async def aclose(self) -> None:
        """Listen and speak no more."""
        await self._listening.aclose()
        await self._speaker.aclose()

    def _on_turn(self, event: dict[str, Any], shown: Shown | None) -> None:
        if shown is not None and shown.question is not None:
            self._album.add(shown.look)  # what the user's turns showed, not what the agent said of its own accord
        self._tell(event, shown)
