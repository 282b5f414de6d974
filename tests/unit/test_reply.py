"""The agent's answer, put together from what was heard."""

import asyncio

import pytest

from sandbox.caller.journal import (
    MAX_SNAPSHOTS,
    AgentState,
    Event,
    Journal,
    Snapshot,
    SoundBegan,
    SoundEnded,
    Transcript,
)
from sandbox.caller.reply import Reply, assemble, describe


def wrote(started: float, at: float, text: str, speaker: str = "agent-1") -> Transcript:
    """A transcription."""
    return Transcript(at=at, speaker=speaker, segment="SG", text=text, final=True, started=started)


def journal(*events: Event) -> Journal:
    """A journal with these events."""
    result = Journal()
    for event in events:
        result.add(event)
    return result


ANSWER = (
    wrote(9.8, 10.3, "What does it say?", speaker="caller"),
    AgentState(at=10.9, state="speaking"),
    SoundBegan(at=11.0),
    SoundEnded(at=12.0),
    SoundBegan(at=12.5),
    SoundEnded(at=13.0),
    wrote(11.0, 13.1, "It says nine. "),
    AgentState(at=13.2, state="listening"),
)


def test_reply_spans_its_sounds() -> None:
    """From the first sound after the question to the last, and what the agent said in between."""
    found = assemble(journal(*ANSWER), "caller", 10.0, writing=False)
    assert found == Reply("It says nine.", asked=10.0, first_sound=11.0, last_sound=13.0, done=13.2)
    assert found.delay_s == 1.0


@pytest.mark.parametrize("missing", [2, 5, 6, 7])
def test_unfinished_reply_is_none(missing: int) -> None:
    """Without its sound, its text or the agent at rest there is no whole reply yet."""
    kept = [event for index, event in enumerate(ANSWER) if index < missing]
    assert assemble(journal(*kept), "caller", 10.0, writing=False) is None
    assert assemble(journal(*ANSWER), "caller", 10.0, writing=True) is None


def test_interrupted_answer_is_not_taken_for_the_next() -> None:
    """What began before the question belongs to an earlier answer, even where it ends later."""
    earlier = (SoundBegan(at=8.0), SoundEnded(at=10.1), wrote(8.0, 10.2, "As I was saying"))
    assert assemble(journal(*earlier), "caller", 10.0, writing=False) is None
    found = assemble(journal(*earlier, *ANSWER), "caller", 10.0, writing=False)
    assert found is not None
    assert (found.text, found.first_sound) == ("It says nine.", 11.0)


def test_vain_wait_is_described() -> None:
    """The message tells how far the answer came."""
    told = describe(journal(*ANSWER[:3]), 10.0)
    assert told == "agent state speaking, 1 sounds begun and 0 ended, transcribed 'What does it say?'"


async def test_journal_wakes_who_waits() -> None:
    """A wait ends with the event it is for, or with a timeout."""
    notes = Journal()
    waiting = asyncio.create_task(notes.wait_for(AgentState, where=lambda event: event.state == "listening"))
    await asyncio.sleep(0)
    notes.add(AgentState(at=1.0, state="speaking"))
    notes.add(AgentState(at=2.0, state="listening"))
    assert (await waiting).at == 2.0
    with pytest.raises(TimeoutError):
        await notes.wait_for(AgentState, after=2.0, timeout_s=0.01)


def test_journal_keeps_the_newest_pictures() -> None:
    """Snapshots beyond the limit push the oldest out."""
    notes = journal(*(Snapshot(at=float(at), data=b"", attributes={}) for at in range(MAX_SNAPSHOTS + 5)))
    kept = notes.of(Snapshot)
    assert (len(kept), kept[0].at) == (MAX_SNAPSHOTS, 5.0)
