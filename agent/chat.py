"""Typed turns: what comes in on `lk.chat`."""

from collections.abc import Awaitable, Callable

import structlog
from livekit.agents import AgentSession
from livekit.agents.voice.room_io import TextInputEvent, TextInputOptions

from agent.words import nothing

log = structlog.stdlib.get_logger(__name__)

MAX_CHARACTERS = 4000
"""About two pages. More than that in one turn is a paste, and it would be sent again with every later request."""


def typed(text: str) -> str:
    """What counts of a chat message: nothing of a blank one, the beginning of an endless one."""
    return text.strip()[:MAX_CHARACTERS]


async def take_chat(
    session: AgentSession[None], event: TextInputEvent, *, before_answer: Callable[[], Awaitable[None]] = nothing
) -> None:
    """Answer a chat message as the framework does, once `before_answer` is done; a blank one is no turn."""
    text = typed(event.text)
    if not text:
        return
    if len(text) < len(event.text.strip()):
        log.warning("chat_cut", characters=len(event.text), kept=len(text))
    event.text = text
    await before_answer()
    handled = TextInputOptions().text_input_cb(session, event)
    if handled is not None:
        await handled
