"""A conversation with one model that hears, sees and speaks."""

import asyncio
from typing import Final

from livekit.agents import Agent, AgentSession, ErrorEvent, UserStateChangedEvent
from livekit.agents.llm import ChatContext, RealtimeModelError
from livekit.agents.voice import SpeechHandle

from agent.conversation import Basis
from agent.floor import Floor
from agent.providers import provider_failed
from agent.realtime.gallery import LiveGallery
from agent.realtime.line import Line
from agent.realtime.openai_line import OpenAiLine
from agent.realtime.pacing import Pacing
from agent.realtime.showing import Showing
from agent.realtime.video import LiveVideo
from agent.turns import TurnLog
from agent.uploads.message import background_message
from agent.vision.view import Blind
from config.vision import Detail

INSTRUCTIONS: Final = """\
You are a friendly voice assistant on a call. You see what the user's camera or shared screen shows: pictures of it \
come all the time, and the newest one is what it shows now. Look at it before you answer, and answer from what it \
shows when they ask about it; don't speak of it otherwise. A line in square brackets, also one on a grey card in \
place of a picture, tells you facts about the call, such as why there is no picture right now; when the user asks \
about something you can't see, say so and why. Pictures the user uploads are in the conversation. Speak in short, \
plain sentences.\
"""
_VERBATIM: Final = "Say the following word for word, and nothing else: {}"


class LiveConversation:
    """Sends live video; see `agent.conversation.Conversation`."""

    def __init__(self, basis: Basis):
        settings, session = basis.settings, basis.session
        asked, vision = settings.realtime, settings.vision
        self._session = session
        self._lost = basis.on_lost
        self._label = f"{asked.provider}/{asked.chosen}"
        self._background = background_message(basis.background.pictures, len(basis.background.problems), vision.detail)
        self._begun: asyncio.Task[str] | None = None
        self.video_input = asked.framework_video
        self.agent = Agent(instructions=basis.instructions, chat_ctx=ChatContext.empty(), tools=list(basis.tools))
        self._line = self._line_of(asked.provider, basis.floor, vision.detail)
        self._video = LiveVideo(
            basis.onlooker.sight,
            self._line,
            Pacing(fps_speaking=asked.fps_speaking, fps_silent=asked.fps_silent),
            max_views=vision.max_images,
        )
        if self.video_input:
            self._video.look = Blind("off")  # ours is
        self.gallery: LiveGallery = LiveGallery(
            self.agent,
            session,
            self._line,
            is_caller=basis.is_caller,
            detail=vision.detail,
            max_uploads=settings.uploads.max_images,
            floor=basis.floor,
            answer=self._answer_upload,
        )
        self._showing = Showing(session, self._video, lambda: self.gallery.held, answers_late=self._line.answers_late)
        self.turns = TurnLog(
            session, self._showing, basis.stalls, on_turn=basis.on_turn, trace=basis.trace, speculates=False
        )

    def register(self) -> None:
        """Follow who speaks, before the session starts."""
        self._session.on("user_state_changed", self._on_user)
        self._session.on("error", self._on_error)

    def started(self) -> None:
        """The session runs: begin to send pictures."""
        if self._background is not None:
            self._begun = asyncio.create_task(self._line.show(self._background))
        self._line.on_anew(self._anew)
        if not self.video_input:
            self._video.start()

    def forget(self) -> None:
        """The session begins to listen anew: what it forgets the model has never been sent."""

    async def before_answer(self, *, written: bool) -> None:
        """Show this moment before a turn is answered that the model did not hear the end of."""
        if not self.video_input:
            await self._video.show_now(written=written)

    def say(self, session: AgentSession[None], sentence: str, *, interruptible: bool = True) -> SpeechHandle:  # noqa: ARG002
        """By the model, which is asked to say just that; with its own turn detection it can always be interrupted."""
        with self._showing.unasked():
            return session.generate_reply(instructions=_VERBATIM.format(sentence))

    async def aclose(self) -> None:
        """Send no more."""
        self._session.off("user_state_changed", self._on_user)
        self._session.off("error", self._on_error)
        if self._begun is not None:
            self._begun.cancel()
        await self._video.aclose()
        await self._line.aclose()

    def _line_of(self, provider: str, floor: Floor, detail: Detail) -> Line:
        if provider == "google":
            from agent.realtime.gemini_line import GeminiLine  # noqa: PLC0415 - an extra, and seconds of imports

            return GeminiLine(self.agent, floor, detail)
        return OpenAiLine(self.agent, detail)

    def _anew(self) -> None:
        if not self.video_input:
            self._video.anew()

    def _answer_upload(self) -> None:
        with self._showing.unasked():
            self._session.generate_reply()

    def _on_error(self, event: ErrorEvent) -> None:
        if isinstance(event.error, RealtimeModelError):
            provider_failed("realtime", self._label, event.error.error, again=event.error.recoverable)
            if not event.error.recoverable:
                # The framework's session fails as it closes for this, and tells nobody that it has.
                self._lost(event.error.error)

    def _on_user(self, event: UserStateChangedEvent) -> None:
        self._video.speaking(event.new_state == "speaking")
