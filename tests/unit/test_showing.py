"""From what an answer of a live model was made, and which question it belongs to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from livekit.agents import AgentSession
from livekit.agents.llm import ChatContext

from agent.realtime.showing import Showing
from agent.realtime.video import LiveVideo
from agent.vision.view import Blind
from tests.unit.test_live_video import FakeLine, FakeSight, video, view


@dataclass
class FakeSession:
    """Tells of speech, and has a history."""

    history: ChatContext = field(default_factory=ChatContext.empty)
    told: Callable[[Any], None] = print
    now: float = 100.0
    replies: int = 0

    def on(self, _: str, told: Callable[[Any], None]) -> None:
        """Remember whom to tell."""
        self.told = told

    def said(self, at: float, text: str = "Hi?") -> str:
        """The user said something that was understood by now; its id."""
        return str(self.history.add_message(role="user", content=text, created_at=at).id)

    def answers(self, at: float, *, by_model: bool = True, source: str = "generate_reply") -> str:
        """An answer begins; its id."""
        self.replies += 1
        handle = SimpleNamespace(id=f"reply {self.replies}")
        with patch("time.time", lambda: at):
            self.told(SimpleNamespace(source=source, user_initiated=not by_model, speech_handle=handle))
        return str(handle.id)


def showing(session: FakeSession, live: LiveVideo | None = None) -> Showing:
    """What notes the answers of that session."""
    return Showing(cast("AgentSession[None]", session), live or video(FakeSight(), FakeLine()), lambda: ("cat",))


def question(shows: Showing, reply: str) -> str | None:
    """What a reply answers."""
    shown = shows.shown_for(reply)
    assert shown is not None
    return shown.question


async def test_answer_was_made_from_what_the_model_had() -> None:
    """At the moment at which it began, uploads included."""
    sight, session = FakeSight(view("scene")), FakeSession()
    live = video(sight, FakeLine())
    await live.refresh()
    shows = showing(session, live)
    shown = shows.shown_for(session.answers(102.0))
    assert shown is not None
    assert (shown.images, shown.uploads, shown.asked_at) == (2, ("cat",), 102.0)
    assert not isinstance(shown.look, Blind)
    assert shown.look.shots[0].age_ms == 2000
    assert (shows.sent_images, shows.sent_bytes > 0) == (1, True)


def test_spoken_question_is_the_one_before_the_answer() -> None:
    """Also when its words come late, and the next one has begun."""
    session = FakeSession()
    shows = showing(session)
    one, two = session.answers(101.0), session.answers(105.0)
    first, second = session.said(100.0), session.said(103.0)
    session.said(106.0)
    assert (question(shows, one), question(shows, two)) == (first, second)


def test_written_question_comes_after_its_answer_was_asked_for() -> None:
    """And before the next one was."""
    session = FakeSession()
    shows = showing(session)
    one = session.answers(101.0, by_model=False)
    first = session.said(101.1)
    assert question(shows, one) == first
    two = session.answers(105.0, by_model=False)
    second = session.said(105.1)
    assert (question(shows, one), question(shows, two)) == (first, second)


def test_greeting_answers_nothing() -> None:
    """Whatever was said before or since."""
    session = FakeSession()
    shows = showing(session)
    session.said(100.0)
    with shows.unasked():
        greeting = session.answers(101.0, by_model=False)
    session.said(102.0)
    assert question(shows, greeting) is None


def test_other_speech_is_no_answer() -> None:
    """Nor is what nobody knows."""
    session = FakeSession()
    shows = showing(session)
    assert shows.shown_for(session.answers(101.0, source="say")) is None
    shows.forget("nothing")


def test_pictures_of_answers_that_are_over_are_not_held() -> None:
    """Only when they were asked for is."""
    session = FakeSession()
    shows = showing(session)
    replies = [session.answers(100.0 + number) for number in range(20)]
    shows.forget(replies[-1])
    last = shows.shown_for(replies[-1])
    assert last is not None
    assert (last.images, last.asked_at) == (0, 119.0)
    assert shows.shown_for(replies[0]) is None
