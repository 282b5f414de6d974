"""An answer that was interrupted, and the next one put together without it."""

from sandbox.caller.journal import AgentState, Event, Journal, SoundBegan, SoundEnded, Transcript
from sandbox.caller.reply import assemble

ASKED = 20.0
"""Unix seconds at which the second question ended."""


def wrote(started: float, at: float, text: str) -> Transcript:
    """A transcription of the agent."""
    return Transcript(at=at, speaker="agent-1", segment="SG", text=text, final=True, started=started)


FIRST = (
    AgentState(at=17.0, state="speaking"),
    SoundBegan(at=17.1),
    # Interrupted in the middle of the second question, whose own words follow.
    wrote(17.0, 19.5, "The sign says"),
    AgentState(at=19.6, state="listening"),
    SoundEnded(at=19.6),
)
SECOND = (
    AgentState(at=20.3, state="thinking"),
    AgentState(at=21.0, state="speaking"),
    SoundBegan(at=21.1),
    SoundEnded(at=22.0),
    wrote(21.0, 22.1, "It is blue."),
    AgentState(at=22.3, state="listening"),
)


def assembled(*events: Event, writing: bool = False) -> tuple[str, float, float] | None:
    """Text, first and last sound of the answer to the second question."""
    journal = Journal()
    for event in events:
        journal.add(event)
    reply = assemble(journal, "caller", ASKED, writing=writing)
    return (reply.text, reply.first_sound, reply.last_sound) if reply else None


def test_the_answer_to_the_interrupting_question_is_whole() -> None:
    """The interrupted one is no part of it, and none is there before it is finished."""
    assert assembled(*FIRST) is None
    for count in range(len(SECOND)):
        assert assembled(*FIRST, *SECOND[:count]) is None
    assert assembled(*FIRST, *SECOND) == ("It is blue.", 21.1, 22.0)


def test_an_interrupted_answer_may_sound_after_the_question() -> None:
    """A typed question interrupts at once, but sound is on its way: it counts neither as begun nor as ended."""
    late = (SoundBegan(at=20.05), SoundEnded(at=20.2), wrote(19.0, 20.3, "As I"), AgentState(at=20.25, state="idle"))
    assert assembled(*FIRST[:2], SoundEnded(at=19.0), *late) is None
    assert assembled(*FIRST[:2], SoundEnded(at=19.0), *late, *SECOND) == ("It is blue.", 21.1, 22.0)


def test_an_answer_in_several_sounds_begins_with_its_first() -> None:
    """A pause between two sentences is no interruption."""
    again = (SoundBegan(at=22.6), SoundEnded(at=23.5), AgentState(at=23.8, state="listening"))
    assert assembled(*FIRST, *SECOND[:-1], *again) == ("It is blue.", 21.1, 23.5)


def test_an_answer_cut_before_its_first_word_leaves_nothing() -> None:
    """Sound without a text of its own is not taken for an answer."""
    cut = (AgentState(at=20.1, state="speaking"), SoundBegan(at=20.2), SoundEnded(at=20.3))
    assert assembled(*cut, AgentState(at=20.4, state="listening")) is None
    assert assembled(*cut, AgentState(at=20.4, state="listening"), *SECOND) == ("It is blue.", 21.1, 22.0)


def test_a_text_that_is_still_written_is_waited_for() -> None:
    """A second segment of the same answer belongs to it."""
    assert assembled(*FIRST, *SECOND, writing=True) is None
