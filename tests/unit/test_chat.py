"""What counts of a typed turn."""

import pytest
from livekit.agents import AgentSession
from livekit.agents.voice.room_io import TextInputEvent
from structlog.testing import capture_logs

from agent.chat import MAX_CHARACTERS, take_chat, typed


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u2003\u00a0"])
def test_blank_message_is_nothing(text: str) -> None:
    """Somebody pressed return."""
    assert typed(text) == ""


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("What is this?", "What is this?"),
        ("  What is this?\n", "What is this?"),
        ("One\n\n  two", "One\n\n  two"),
        ("a" * MAX_CHARACTERS, "a" * MAX_CHARACTERS),
        ("a" * MAX_CHARACTERS + "b", "a" * MAX_CHARACTERS),
        (" " * MAX_CHARACTERS + "a", "a"),
        ("\U0001f431" * (MAX_CHARACTERS + 1), "\U0001f431" * MAX_CHARACTERS),
    ],
)
def test_words_count_up_to_the_limit(text: str, counts: str) -> None:
    """Blanks around them do not, and a character is one whatever its bytes."""
    assert typed(text) == counts


async def test_blank_message_never_reaches_the_session() -> None:
    """A session that was not started refuses every turn: this one is not even asked."""
    session: AgentSession[None] = AgentSession()
    await take_chat(session, TextInputEvent(text=" \n"))
    with pytest.raises(RuntimeError, match="isn't running"):
        await take_chat(session, TextInputEvent(text="Hello"))


async def test_endless_message_is_cut_and_told_without_its_text() -> None:
    """The log has its length alone."""
    session: AgentSession[None] = AgentSession()
    event = TextInputEvent(text="secret" * MAX_CHARACTERS)
    with capture_logs() as logs, pytest.raises(RuntimeError, match="isn't running"):
        await take_chat(session, event)
    assert logs == [
        {"event": "chat_cut", "log_level": "warning", "characters": 6 * MAX_CHARACTERS, "kept": MAX_CHARACTERS}
    ]
    assert len(event.text) == MAX_CHARACTERS
