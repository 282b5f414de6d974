"""What a call has of its kind of model: the conversation, of which there are two kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from livekit.agents import Agent, AgentSession
from livekit.agents.llm import Tool
from livekit.agents.voice import SpeechHandle

from agent.background import Background
from agent.floor import Floor
from agent.gallery import Gallery
from agent.onlooker import Onlooker
from agent.ops.stalls import StallWatch
from agent.trace import CallTrace
from agent.turns import OnTurn, TurnLog
from config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What either kind is made from.

    Attributes:
        session: The call's.
        settings: The call's.
        onlooker: Its sight.
        stalls: Its watch over the event loop.
        trace: Its trace.
        instructions: The agent's.
        background: The pictures that it begins with.
        tools: The operator's own.
        on_turn: Is told of each completed turn.
        on_refused: Is told of uploads that the model refused.
        floor: Tells when nobody speaks or is about to.
        on_lost: Is told of the error after which the model can't be reached any more.
        is_caller: Tells by a participant's identity.
    """

    session: AgentSession[None]
    settings: Settings
    onlooker: Onlooker
    stalls: StallWatch
    trace: CallTrace
    instructions: str
    background: Background
    tools: Sequence[Tool]
    on_turn: OnTurn
    on_refused: Callable[[list[str]], None]
    floor: Floor
    on_lost: Callable[[Exception], None]
    is_caller: Callable[[str], bool]


class Conversation(Protocol):
    """What a call asks of either kind.

    Attributes:
        agent: The session's.
        turns: How its turns went.
        gallery: Takes uploads.
        video_input: Whether the framework's own video input is used.
    """

    @property
    def agent(self) -> Agent: ...  # noqa: D102
    @property
    def turns(self) -> TurnLog: ...  # noqa: D102
    @property
    def gallery(self) -> Gallery: ...  # noqa: D102
    @property
    def video_input(self) -> bool: ...  # noqa: D102

    def register(self) -> None:
        """Follow the session, before it starts."""

    def started(self) -> None:
        """The session runs."""

    def forget(self) -> None:
        """The session begins to listen anew."""

    async def before_answer(self, *, written: bool) -> None:
        """A turn is complete that the caller has ended or `written`: bring what its answer needs."""

    def say(self, session: AgentSession[None], sentence: str, *, interruptible: bool = True) -> SpeechHandle:
        """Say a sentence as it was written."""

    async def aclose(self) -> None:
        """End what was begun."""
