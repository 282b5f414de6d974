"""How the agent says a sentence of ours, as it was written."""

from typing import Any, Protocol

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle


class Say(Protocol):
    """Says a sentence; the handle can be awaited."""

    def __call__(self, session: AgentSession[Any], sentence: str, *, interruptible: bool = True) -> SpeechHandle:
        """Begin."""


def say_aloud(session: AgentSession[Any], sentence: str, *, interruptible: bool = True) -> SpeechHandle:
    """By the session's voice."""
    return session.say(sentence) if interruptible else session.say(sentence, allow_interruptions=False)


async def nothing() -> None:
    """Nothing has to be done before an answer."""
