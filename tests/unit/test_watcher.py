"""A watch speaks when there is something to say, once, and over nobody."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from livekit.agents import AgentSession

from agent.vision.view import Blind, Look, View
from agent.watch.judge import words_of
from agent.watch.reports import Reports, Verdict
from agent.watch.watcher import LONGEST_REST_S, Watcher, rested
from agent.words import Say
from config.watch import WatchSettings
from tests.fakes import Clock
from tests.unit.test_live_video import FakeSight, view


def test_the_same_is_not_said_twice() -> None:
    """Until it has ceased to hold in between."""
    reports = Reports(0)
    assert reports.news("The kettle boils.")
    reports.said("The kettle boils.", 1.0)
    assert not reports.news("the kettle boils")
    assert reports.news("The toast burns.")
    assert not reports.news("")
    assert not reports.news("The kettle boils.")
    reports.over()
    assert reports.news("The kettle boils.")


def test_cooldown_begins_with_a_report() -> None:
    """And ends."""
    reports = Reports(30)
    assert not reports.resting(0.0)
    reports.said("Now.", 10.0)
    assert reports.resting(39.9)
    assert not reports.resting(40.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [('{"words": " It\\n boils. "}', "It boils."), ("{", ""), ("[]", ""), ("{}", ""), ('{"words": 3}', "")],
)
def test_report_of_a_model_is_read_with_care(arguments: str, words: str) -> None:
    """A model may write nonsense."""
    assert words_of(arguments) == words


def test_report_is_no_speech() -> None:
    """However much a model writes."""
    assert len(words_of('{"words": "' + "x" * 5000 + '"}')) == 400


def test_pauses_grow_while_looks_fail() -> None:
    """Up to a minute, and none becomes shorter."""
    assert (rested(5.0), rested(45.0), rested(60.0)) == (10.0, LONGEST_REST_S, LONGEST_REST_S)
    assert rested(300.0) == 300.0


@dataclass
class FakeSession:
    """Who speaks."""

    user_state: str = "listening"
    agent_state: str = "listening"


@dataclass
class FakeJudge:
    """Says what a test wants."""

    verdict: str = ""
    asked: list[str] = field(default_factory=list)
    session: FakeSession | None = None
    interrupts: bool = False
    over: bool = False

    async def ask(self, _: View, before: str) -> Verdict:
        """That."""
        self.asked.append(before)
        if self.interrupts and self.session:
            self.session.user_state = "speaking"
        return Verdict(self.verdict, over=self.over)


@dataclass
class FakeSpeech:
    """Something that was said, if anybody heard it."""

    chat_items: list[str]

    async def wait_for_playout(self) -> None:
        """At once."""


@dataclass
class Watch:
    """A watcher and everything around it."""

    session: FakeSession = field(default_factory=FakeSession)
    sight: FakeSight = field(default_factory=FakeSight)
    judge: FakeJudge = field(default_factory=FakeJudge)
    clock: Clock = field(default_factory=Clock)
    said: list[str] = field(default_factory=list)
    heard: bool = True
    here: bool = True
    busy: bool = False
    scenes: int = 0

    def __post_init__(self) -> None:
        self.judge.session = self.session
        self.watcher = Watcher(
            cast("AgentSession[Any]", self.session),
            WatchSettings(prompt="Look out.", cooldown_s=30),
            self.sight,
            self.judge,
            cast("Say", self._say),
            heard=lambda: self.here,
            busy=lambda: self.busy,
            clock=self.clock,
        )

    def _say(self, _: object, sentence: str) -> FakeSpeech:
        self.said.append(sentence)
        return FakeSpeech([sentence] if self.heard else [])

    async def look(self, what: Look | None = None) -> None:
        """See something new, or `what`, and look."""
        self.scenes += 1
        self.sight.now = what or view("scene", fingerprint=bytes([self.scenes * 40 % 250] * 8))
        await self.watcher.look()


async def test_watch_speaks_when_the_judge_says_so() -> None:
    """And not again while the scene stays, or while the same holds."""
    watch = Watch()
    await watch.look()
    watch.judge.verdict = "It boils."
    await watch.look()
    assert watch.said == ["It boils."]
    watch.clock.now += 31
    await watch.look(watch.sight.now)
    assert len(watch.judge.asked) == 2
    await watch.look()
    assert (watch.said, watch.judge.asked) == (["It boils."], ["", "", "It boils."])


async def test_unchanged_scene_costs_no_request() -> None:
    """Whatever the verdict on it was."""
    watch = Watch()
    for _ in range(5):
        await watch.look(view("scene"))
    assert len(watch.judge.asked) == 1


async def test_nothing_is_asked_in_the_cooldown() -> None:
    """Though the scene changes all the time."""
    watch = Watch(judge=FakeJudge("It boils."))
    await watch.look()
    await watch.look()
    assert len(watch.judge.asked) == 1
    watch.clock.now += 30
    watch.judge.verdict = "It burns."
    await watch.look()
    assert watch.said == ["It boils.", "It burns."]


@pytest.mark.parametrize(
    ("user", "agent", "here"),
    [
        ("speaking", "listening", True),
        ("listening", "speaking", True),
        ("listening", "thinking", True),
        ("listening", "listening", False),
    ],
)
async def test_watch_looks_only_when_the_floor_is_free(user: str, agent: str, *, here: bool) -> None:
    """And when somebody is there."""
    watch = Watch(FakeSession(user, agent), judge=FakeJudge("It boils."), here=here)
    await watch.look()
    assert (watch.sight.looks, watch.said) == (0, [])


async def test_report_is_dropped_when_somebody_begins_to_speak() -> None:
    """And judged again when they have finished."""
    watch = Watch(judge=FakeJudge("It boils.", interrupts=True))
    await watch.look()
    assert watch.said == []
    watch.session.user_state, watch.judge.interrupts = "listening", False
    await watch.look(watch.sight.now)
    assert watch.said == ["It boils."]


async def test_report_that_nobody_heard_is_made_again() -> None:
    """At the same scene, which was not judged for good."""
    watch = Watch(judge=FakeJudge("It boils."), heard=False)
    await watch.look()
    watch.heard = True
    await watch.look(watch.sight.now)
    assert watch.said == ["It boils.", "It boils."]


async def test_model_that_has_nothing_new_to_say_is_not_taken_to_say_that_it_is_over() -> None:
    """It was told what it has said already, and obeys."""
    watch = Watch(judge=FakeJudge("It boils."))
    await watch.look()
    watch.clock.now += 31
    watch.judge.verdict = ""
    await watch.look()
    watch.judge.verdict = "It boils."
    await watch.look()
    assert watch.said == ["It boils."]
    watch.judge.verdict, watch.judge.over = "", True
    await watch.look()
    watch.judge.verdict, watch.judge.over = "It boils.", False
    await watch.look()
    assert watch.said == ["It boils.", "It boils."]


async def test_watch_waits_while_an_answer_is_due() -> None:
    """Between a question and its answer nobody speaks, and yet the floor is taken."""
    watch = Watch(judge=FakeJudge("It boils."), busy=True)
    await watch.look()
    assert (watch.sight.looks, watch.said) == (0, [])


async def test_nothing_to_see_is_nothing_to_judge() -> None:
    """A muted camera is no change of scene."""
    watch = Watch(judge=FakeJudge("It boils."))
    await watch.look(Blind("muted", "camera"))
    assert watch.judge.asked == []
