"""The agent's answer, put together from what was heard."""

from dataclasses import dataclass

from sandbox.caller.journal import AgentState, Journal, SoundBegan, SoundEnded, Transcript

_AT_REST = frozenset({"listening", "idle"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the agent. All times are unix seconds."""

    text: str
    """All it said, as the agent's transcription has it."""
    asked: float
    """What the answer was waited from: the end of the question, say."""
    first_sound: float
    """Its first voiced frame, as it came out of the network's buffer."""
    last_sound: float
    """Its last voiced frame."""
    done: float
    """When the agent was listening again."""

    @property
    def delay_s(self) -> float:
        """Seconds from the question to the first sound."""
        return self.first_sound - self.asked


def assemble(journal: Journal, own_identity: str, after: float, *, writing: bool) -> Reply | None:
    """Put together the answer to what was said at `after`, or give None while it is not finished.

    Args:
        journal: what was heard.
        own_identity: the caller's, whose own transcriptions are no answer.
        after: unix seconds; a sound or a text that began earlier belongs to an earlier answer.
        writing: whether a transcription of the agent is under way that began later than `after`.
    """
    texts = [
        event
        for event in journal.of(Transcript, after)
        if event.speaker != own_identity and event.started > after and event.text
    ]
    began = _sounds(journal, after, until=texts[0].started) if texts else []
    if not began or writing:
        return None
    ended = [event.at for event in journal.of(SoundEnded, after) if event.at >= began[-1]]
    state = journal.last(AgentState)
    # On a busy network sound may come later than the word that it has ended.
    spoke = any(change.state == "speaking" for change in journal.of(AgentState, after))
    at_rest = state is None or (state.state in _AT_REST and spoke)
    if not (ended and texts and at_rest):
        return None
    # Segments follow each other without a space of their own.
    text = " ".join(event.text.strip() for event in texts)
    done = max(ended[-1], texts[-1].at, 0.0 if state is None else state.at)
    return Reply(text, after, began[0], ended[-1], done)


def _sounds(journal: Journal, after: float, until: float) -> list[float]:
    """When each sound of the answer began whose text was opened at `until`.

    An interrupted answer may make a sound after the question is asked: it has ended before the next one's text opens.
    """
    last_of_earlier = max((event.at for event in journal.of(SoundEnded, after) if event.at < until), default=after)
    return [event.at for event in journal.of(SoundBegan, after) if event.at > last_of_earlier]


def describe(journal: Journal, after: float) -> str:
    """Say in a few words how far an answer came that was waited for in vain."""
    state = journal.last(AgentState)
    text = " ".join(event.text for event in journal.of(Transcript, after))
    return (
        f"agent state {state.state if state else 'unknown'}, "
        f"{len(journal.of(SoundBegan, after))} sounds begun and {len(journal.of(SoundEnded, after))} ended, "
        f"transcribed {text!r}"
    )
