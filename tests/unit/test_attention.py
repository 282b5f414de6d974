"""When the caller's video is worth receiving."""

import itertools

import pytest

from agent.vision.attention import HOLD_S, LEAD_S, LINGER_S, Adaptive, Attention, Floor, matters
from tests.fakes import Clock

NOW = 1000.0
REFRESH_S = 30.0
LOOK_S = 0.4


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hands."""
    return Clock(NOW)


def floor(**now: object) -> Floor:
    """A long silence in which a frame came just now; nothing matters, but for what is said otherwise."""
    return Floor(**{"agent": "listening", "agent_since": NOW - 600, "seen_at": NOW - 1, **now})  # type: ignore[arg-type]


def speaking(*, spoken: float, of: float, **now: object) -> Floor:
    """The agent has spoken so many seconds of a speech that has so much sound."""
    return floor(agent="speaking", agent_since=NOW - spoken, agent_sound_s=of, **now)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(floor(), False, id="silence"),
        pytest.param(floor(user_speaking=True), True, id="the user speaks"),
        pytest.param(floor(user_speaking=True, quiet_since=NOW - 600), True, id="the user speaks after a long silence"),
        pytest.param(floor(agent="thinking"), True, id="the agent thinks"),
        pytest.param(floor(agent="initializing"), True, id="the call begins"),
        pytest.param(floor(agent="idle"), False, id="nobody is there to talk to"),
        pytest.param(floor(quiet_since=NOW), True, id="silence since now"),
        pytest.param(floor(quiet_since=NOW - LINGER_S + 0.01), True, id="short silence"),
        pytest.param(floor(quiet_since=NOW - LINGER_S), False, id="long silence"),
        pytest.param(floor(asked_at=NOW), True, id="a request looks"),
        pytest.param(floor(asked_at=NOW - LOOK_S), True, id="a request may still wait"),
        pytest.param(floor(asked_at=NOW - LOOK_S - 0.01), False, id="a request waits no longer"),
        pytest.param(floor(seen_at=NOW - REFRESH_S + 0.01), False, id="not yet due"),
        pytest.param(floor(seen_at=NOW - REFRESH_S), True, id="due"),
        pytest.param(Floor(agent="listening"), True, id="nothing was seen yet"),
        pytest.param(speaking(spoken=0.0, of=0.0), True, id="speech begins, no sound of it yet"),
        pytest.param(speaking(spoken=0.0, of=10.0), False, id="speech begins"),
        pytest.param(speaking(spoken=5.0, of=10.0), False, id="speech goes on"),
        pytest.param(speaking(spoken=10.0 - LEAD_S, of=10.0), False, id="not near its end yet"),
        pytest.param(speaking(spoken=10.0 - LEAD_S + 0.01, of=10.0), True, id="near its end"),
        pytest.param(speaking(spoken=12.0, of=10.0), True, id="played late: past the end of its sound"),
        pytest.param(speaking(spoken=0.0, of=LEAD_S - 0.01), True, id="a speech shorter than the way back"),
        pytest.param(speaking(spoken=5.0, of=10.0, user_speaking=True), True, id="the user speaks over the agent"),
        pytest.param(speaking(spoken=5.0, of=10.0, asked_at=NOW - 0.1), True, id="asked while it speaks"),
        pytest.param(speaking(spoken=50.0, of=90.0, seen_at=NOW - REFRESH_S), True, id="due in a long speech"),
        pytest.param(speaking(spoken=5.0, of=10.0, quiet_since=NOW - 1), False, id="a pause before a speech is over"),
    ],
)
def test_what_makes_a_frame_worth_having(now: Floor, *, expected: bool) -> None:
    """A table of who holds the floor and since when."""
    assert matters(now, NOW, look_s=LOOK_S, refresh_s=REFRESH_S) is expected


def test_attention_that_never_ceases() -> None:
    """Whatever it is told."""
    attention = Attention()
    attention.user(speaking=False)
    attention.agent("idle")
    attention.sound(60)
    attention.asked()
    attention.seen()
    assert attention.watching() is True


def quiet(clock: Clock) -> Adaptive:
    """An attention that has come to rest: the agent listens, nobody spoke for long, and a frame came just now."""
    attention = Adaptive(look_s=LOOK_S, refresh_s=REFRESH_S, clock=clock)
    attention.agent("listening")
    clock.now += 60
    attention.seen()
    assert attention.watching() is False
    return attention


def watched(attention: Adaptive, clock: Clock, *, seconds: float) -> list[float]:
    """The seconds from now, in steps of a quarter, at which it watches; no frame comes meanwhile."""
    began = clock.now
    seen = []
    for step in range(int(seconds * 4) + 1):
        clock.now = began + step / 4
        if attention.watching():
            seen.append(step / 4)
    return seen


def test_whole_turn_is_watched_but_for_the_middle_of_the_answer(clock: Clock) -> None:
    """From the first sound of the question to the settled speech, and from its last seconds into the pause after it."""
    attention = quiet(clock)
    attention.user(speaking=True)
    assert watched(attention, clock, seconds=2) == [step / 4 for step in range(9)]
    attention.user(speaking=False)
    attention.agent("thinking")
    attention.asked()
    attention.sound(4)
    assert watched(attention, clock, seconds=1) == [step / 4 for step in range(5)]
    attention.agent("speaking")
    attention.sound(6)  # the rest of it is made while it is heard
    clock.now += 1.0  # the request is over by then
    assert watched(attention, clock, seconds=9) == [8.75, 9.0]  # of 10 seconds, one was spoken before
    attention.agent("listening")
    assert watched(attention, clock, seconds=5)[-1] == LINGER_S - 0.25


def test_sound_of_a_speech_that_was_never_heard_is_forgotten(clock: Clock) -> None:
    """It was made for an answer that was thrown away; the next answer's end is counted from its own sound."""
    attention = quiet(clock)
    attention.agent("thinking")
    attention.sound(60)
    attention.agent("listening")
    attention.agent("thinking")
    attention.sound(4)
    attention.agent("speaking")
    assert watched(attention, clock, seconds=4) == [3.75, 4.0]


def test_sound_that_is_made_before_it_is_heard_counts(clock: Clock) -> None:
    """Speech is made faster than it is spoken, and begins while the agent still thinks."""
    attention = quiet(clock)
    attention.agent("thinking")
    attention.sound(10)
    attention.agent("speaking")
    clock.now += 5
    assert attention.watching() is False


def test_speech_that_grows_puts_its_end_off(clock: Clock) -> None:
    """What looked like the end was only the end of what had been made."""
    attention = quiet(clock)
    attention.agent("speaking")
    attention.sound(3)
    clock.now += 2.75
    assert attention.watching() is True
    attention.sound(10)
    assert watched(attention, clock, seconds=5)[-1] == HOLD_S - 0.25


def test_interruption_is_watched_at_once_and_the_next_speech_counts_anew(clock: Clock) -> None:
    """The rest of an interrupted speech is never heard."""
    attention = quiet(clock)
    attention.agent("speaking")
    attention.sound(60)
    clock.now += 5
    assert attention.watching() is False
    attention.user(speaking=True)
    assert attention.watching() is True
    attention.agent("listening")
    attention.user(speaking=False)
    attention.agent("thinking")
    attention.agent("speaking")
    attention.sound(4)
    assert watched(attention, clock, seconds=4) == [0.0, 0.25, 0.5, 0.75, 1.0, 3.75, 4.0]


@pytest.mark.parametrize("last", ["user", "agent"])
def test_silence_counts_from_the_last_word_of_both(clock: Clock, last: str) -> None:
    """Whoever spoke it."""
    attention = quiet(clock)
    attention.user(speaking=True)
    attention.agent("speaking")
    assert attention.watching() is True
    clock.now += 10
    if last == "user":
        attention.agent("listening")
        clock.now += 10
        attention.user(speaking=False)
    else:
        attention.user(speaking=False)
        clock.now += 10
        attention.agent("listening")
    assert watched(attention, clock, seconds=4)[-1] == LINGER_S - 0.25


def test_agent_that_falls_silent_without_having_spoken_breaks_no_silence(clock: Clock) -> None:
    """A thought that came to nothing is over when it is over."""
    attention = quiet(clock)
    attention.agent("thinking")
    assert attention.watching() is True
    attention.agent("listening")
    assert watched(attention, clock, seconds=10)[-1] == HOLD_S - 0.25


def test_long_silence_takes_one_fresh_look_at_a_time(clock: Clock) -> None:
    """Each begins so long after the last frame as is set, and lasts no longer than any return."""
    attention = quiet(clock)
    looks: list[list[float]] = [[clock.now]]
    for _ in range(4 * 100):
        clock.now += 0.25
        if attention.watching():
            if clock.now - looks[-1][-1] > 1:
                looks.append([])
            looks[-1].append(clock.now)
            attention.seen()
    assert len(looks) == 4
    assert [later[0] - earlier[-1] for earlier, later in itertools.pairwise(looks)] == [REFRESH_S] * 3
    assert [look[-1] - look[0] for look in looks[1:]] == [HOLD_S - 0.25] * 3


def test_video_that_has_just_come_back_stays_a_moment(clock: Clock) -> None:
    """Its reason may be gone at once, but who gives it up then waits long for the next return."""
    attention = quiet(clock)
    attention.agent("thinking")
    seen = [attention.watching()]
    attention.agent("listening")
    clock.now += HOLD_S - 0.01
    seen.append(attention.watching())
    clock.now += 0.01
    seen.append(attention.watching())
    assert seen == [True, True, False]


def test_refresh_goes_on_watching_until_a_frame_comes(clock: Clock) -> None:
    """A camera that is slow to come back is not given up."""
    attention = quiet(clock)
    assert watched(attention, clock, seconds=40)[0] == REFRESH_S
    assert attention.watching() is True
    attention.seen()
    assert attention.watching() is False


def test_request_is_watched_for_a_moment(clock: Clock) -> None:
    """Tool calls and retries look again."""
    attention = quiet(clock)
    attention.asked()
    assert watched(attention, clock, seconds=4)[-1] == HOLD_S - 0.25


def test_call_begins_watched(clock: Clock) -> None:
    """Before the first frame there is nothing to go by, and while the agent is not ready a turn may come any time."""
    attention = Adaptive(look_s=LOOK_S, refresh_s=REFRESH_S, clock=clock)
    assert attention.watching() is True
    attention.agent("listening")
    clock.now += 60
    assert attention.watching() is True
    attention.seen()
    assert attention.watching() is False
