"""One call: a job's room, session, sight and uploads, from the dispatch to the goodbye."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from livekit.agents import NOT_GIVEN, AgentSession, AutoSubscribe, CloseEvent, JobContext
from livekit.agents.llm import LLM, Tool
from livekit.agents.voice.room_io import RoomOptions, TextInputEvent, TextInputOptions

from agent.background import Background
from agent.caller import CallerLink
from agent.chat import take_chat
from agent.conversation import Basis, Conversation
from agent.errors import UploadError
from agent.farewell import ENDING, Farewell
from agent.floor import Floor
from agent.onlooker import Onlooker
from agent.ops.stalls import StallWatch
from agent.phrases import phrases
from agent.piped import PipedConversation
from agent.push_to_talk import PushToTalk
from agent.realtime.conversation import LiveConversation
from agent.sharing import Sharing
from agent.toolbox import McpTools
from agent.trace import CallTrace
from agent.twin import Twin
from agent.uploads.decoder import Decoder
from agent.uploads.intake import UploadIntake
from agent.vision.memory import Shown
from agent.watch.judge import Judge
from agent.watch.watcher import Watcher
from config.settings import Settings

log = structlog.stdlib.get_logger(__name__)


class Call:
    """Everything that lives as long as one job."""

    def __init__(
        self,
        ctx: JobContext,
        settings: Settings,
        session: AgentSession[None],
        *,
        instructions: str,
        background: Background,
        tools: Sequence[Tool] = (),
        only_for: str | None,
        trace: CallTrace,
        farewell: asyncio.Future[str],
        judge: LLM[Any],
    ):
        """Serve the participant `only_for`; with `None`, whoever is there first.

        `tools` are the operator's own; `farewell` ends the call in words; `judge` is
        the language model that a watch asks.
        """
        self._ctx = ctx
        self._settings = settings
        vision, uploads = settings.vision, settings.uploads
        self._session = session
        self._onlooker = Onlooker(
            ctx.room, session, vision, lambda: self._caller.participant, compare=bool(settings.watch.prompt)
        )
        self._stalls = StallWatch()
        self._floor = Floor(session)
        self._sharing = Sharing(ctx.room, lambda: self._caller.identity) if vision.share_snapshots else None
        spoken = phrases(settings.phrases, settings.tts.language)
        live = settings.agent.mode == "realtime"
        kind = LiveConversation if live else PipedConversation
        self._conversation: Conversation = kind(
            Basis(
                session=session,
                settings=settings,
                onlooker=self._onlooker,
                stalls=self._stalls,
                trace=trace,
                instructions=instructions,
                background=background,
                tools=tools,
                on_turn=self._on_turn,
                on_refused=self._on_refused,
                floor=self._floor,
                on_lost=lambda error: self._failed("error", error),
                is_caller=self._is_caller,
            )
        )
        self._gallery = self._conversation.gallery
        self._mcp = McpTools(settings.agent)
        self._caller = CallerLink(
            ctx, session, only_for=only_for, linger_s=settings.agent.linger_s, on_change=self._on_caller
        )
        self._twin = Twin(
            ctx.room,
            settings.services.livekit_agent_name,
            serves=lambda: "" if farewell.done() else self._caller.identity,  # who leaves serves nobody
            withdraw=lambda: ctx.shutdown("withdrawn"),
        )
        self._ordered = farewell
        self._farewell = Farewell(
            ctx, session, settings.agent, spoken, heard=self._caller.is_here, say=self._conversation.say
        )
        self._push_to_talk = PushToTalk(
            ctx.room,
            session,
            settings.turn,
            is_caller=self._is_caller,
            on_turn=self._onlooker.turn,
            on_anew=self._conversation.forget,
            before_answer=partial(self._conversation.before_answer, written=False),
            setting=f"REALTIME__TURN_DETECTION is {settings.realtime.turn_detection}" if live else "",
        )
        self._intake = UploadIntake(
            ctx.room,
            uploads,
            Decoder.of(uploads, vision),
            permit=self._permit_upload,
            deliver=self._gallery.add,
        )
        self._watcher = Watcher(
            session,
            settings.watch,
            self._onlooker.sight,
            Judge(judge, settings),
            self._conversation.say,
            heard=self._caller.is_here,
            busy=self._floor.listening,
        )
        self._greeting: asyncio.Task[None] | None = None
        self._stands = False
        self._has_failed = False

    async def start(self) -> None:
        """Join the room with every handler in place, so that nothing a caller sends early is lost."""
        room = self._ctx.room
        self._stalls.start()
        self._caller.register()
        self._intake.register()
        self._onlooker.register()
        self._floor.register()
        self._conversation.register()
        self._push_to_talk.close_hearing()
        self._session.on("close", self._on_session_closed)
        self._ctx.add_shutdown_callback(self._aclose)
        # Begun before the session, whose own connect() would subscribe to every track, but awaited after it: the
        # session registers its handlers while the room is being joined.
        connecting = asyncio.create_task(self._ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY))
        if self._caller.identity is not None:
            # The session asks the room for the participant it is to link, and a room that is not joined has none.
            await connecting
        await self._session.start(
            self._conversation.agent,
            room=room,
            room_options=RoomOptions(
                participant_identity=self._caller.identity or NOT_GIVEN,
                close_on_disconnect=False,  # the caller may come back: see CallerLink
                text_input=TextInputOptions(text_input_cb=self._take_chat),
                video_input=self._conversation.video_input,
            ),
            record=False,
        )
        self._mcp.lend_to(self._conversation.agent)
        await connecting
        self._caller.joined()
        if await self._twin.joined():
            self._ctx.shutdown("withdrawn")
            return
        self._push_to_talk.register()
        self._conversation.started()
        self._gallery.open()
        await self._onlooker.joined()
        self._farewell.start(self._ordered)
        self._stands = True
        log.info("call_started", agent=room.local_participant.identity)
        self._greeting = asyncio.create_task(self._greet())
        if self._settings.watch.prompt:
            self._watcher.start()

    async def _greet(self) -> None:
        if self._settings.agent.greeting:
            await self._session.room_io.wait_for_ready()
            self._conversation.say(self._session, self._settings.agent.greeting)

    async def _take_chat(self, session: AgentSession[None], event: TextInputEvent) -> None:
        await take_chat(session, event, before_answer=partial(self._conversation.before_answer, written=True))

    def _on_caller(self) -> None:
        self._onlooker.refresh()
        self._twin.look()

    def _is_caller(self, identity: str) -> bool:
        return identity == self._caller.identity

    def _on_turn(self, event: dict[str, Any], shown: Shown | None) -> None:
        if shown is not None:
            self._gallery.answered(shown.uploads)
        if self._sharing is not None:
            self._sharing.turn(event, shown)

    def _on_refused(self, uploads: list[str]) -> None:
        self._intake.refused_by_model(uploads)
        self._gallery.answered(uploads)  # as far as it can be

    def _on_session_closed(self, event: CloseEvent) -> None:
        # After repeated provider failures the session gives up: better no agent in the room than a deaf and mute one.
        if event.error is not None:
            self._failed(event.reason.value, event.error)

    def _failed(self, reason: str, error: object) -> None:
        if not self._has_failed:
            self._has_failed = True
            # Without its text, which may quote what was said.
            log.error("session_failed", reason=reason, error=type(error).__name__)
            self._ctx.shutdown("session_failed")

    async def _permit_upload(self, sender: str) -> None:
        if self._settings.uploads.from_ == "room":
            return
        if self._caller.identity is None:
            await self._caller.met.wait()  # an early upload may arrive before its sender is announced
        if sender != self._caller.identity:
            raise UploadError("not_allowed", "Only the caller of this agent may upload pictures.")

    async def _aclose(self, reason: str) -> None:
        reason = self._ctx.proc.userdata.get(ENDING, reason)
        await self._farewell.aclose()
        await self._twin.aclose()
        if self._greeting is not None:
            self._greeting.cancel()
        await self._watcher.aclose()
        await self._push_to_talk.aclose()
        await self._caller.aclose()
        await self._onlooker.aclose()
        await self._intake.aclose()
        await self._gallery.aclose()
        await self._mcp.aclose()
        await self._conversation.aclose()
        self._floor.aclose()
        if self._sharing is not None:
            await self._sharing.aclose()
        await self._stalls.aclose()
        if self._stands:
            log.info("call_ended", reason=reason.replace(" ", "_"), **self._conversation.turns.summary())
