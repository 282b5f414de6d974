"""The line to a live model on which pictures and facts go, beside the sound."""

from collections.abc import Callable, Sequence
from typing import Protocol

from livekit.agents.llm import ChatMessage

from agent.vision.pictures import own_message
from agent.vision.view import Look
from config.vision import Detail


class Line(Protocol):
    """What live video and uploads ask of a model's session. There is one for each provider.

    Attributes:
        streams: Whether views are a stream, of which the provider decides what belongs to a turn.
        answers_late: Whether an answer is told of before it begins: what is shown until it is heard may be part of it.
    """

    streams: bool
    answers_late: bool

    async def view(self, look: Look, *, written: bool) -> Sequence[str] | None:
        """Show what the caller shows now, or why that is nothing; gives ids by which it can be taken out again.

        `written` is a view for a turn that the caller wrote, whose answer is asked for next. `None`: there was nobody
        to show it to, and it is not sent later, as if it were new.
        """

    async def show(self, message: ChatMessage) -> str:
        """Add a message that stays, pictures included; gives the id by which it can be taken out again."""

    def take_out(self, item: str) -> None:
        """Remove what was shown, as far as the provider can."""

    async def aclose(self) -> None:
        """Send nothing any more."""

    def on_anew(self, told: Callable[[], None]) -> None:
        """Have `told` called when the session has connected anew: it may have forgotten, or been told twice."""


def messages(look: Look, detail: Detail) -> list[ChatMessage]:
    """A view, or why there is none, as messages."""
    return [item for item in own_message(look, detail) if isinstance(item, ChatMessage)]
