"""When an eye waits for a frame, and when it is dark on purpose."""

import asyncio

import pytest

from agent.vision.eye import Eye
from agent.vision.track import Candidate, Choice
from agent.vision.view import Blind, Shot
from config.vision import VisionSettings
from tests.fakes import Clock, flat_frame

CAMERA = Choice(Candidate("TR_1", "camera", muted=False), None, "camera")
SCREEN = Choice(Candidate("TR_2", "screen", muted=False), None, "screen")
MUTED = Choice(None, "muted", "camera")
NOTHING = Choice(None, "none", None)


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hands."""
    return Clock(1000.0)


def eye(clock: Clock, choice: Choice = CAMERA, *, look_timeout_ms: int = 30) -> Eye:
    """An eye whose frames count for two seconds."""
    made = Eye("auto", VisionSettings(max_frame_age_s=2.0, look_timeout_ms=look_timeout_ms), clock)
    made.choose(choice)
    return made


@pytest.mark.parametrize(
    ("choice", "expected"),
    [(NOTHING, Blind("none", None, 0)), (MUTED, Blind("muted", "camera", 0))],
)
async def test_source_that_can_not_show_anything_is_not_waited_for(
    clock: Clock, choice: Choice, expected: Blind
) -> None:
    """The reason is known at once: with a timeout of five seconds the answer comes in one step."""
    seeing = eye(clock, choice, look_timeout_ms=5000)
    async with asyncio.timeout(1):
        assert await seeing.look() == expected


async def test_live_source_without_a_frame_is_waited_for_no_longer_than_allowed(clock: Clock) -> None:
    """A camera whose first frame does not come in time ends the wait with `starting`."""
    seeing = eye(clock, look_timeout_ms=30)
    loop = asyncio.get_running_loop()
    started = loop.time()
    look = await seeing.look()
    waited_s = loop.time() - started
    assert isinstance(look, Blind)
    assert look.reason == "starting"
    assert 0.025 <= waited_s < 10


async def test_source_that_has_stalled_costs_no_waiting(clock: Clock) -> None:
    """It is known: nothing came for longer than a frame may be old."""
    seeing = eye(clock, look_timeout_ms=5000)
    clock.now += 2.1
    async with asyncio.timeout(2):
        look = await seeing.look()
    assert look == Blind("stale", "camera", 0.0)


async def test_frame_from_before_a_pause_is_current_only_while_it_is_young(clock: Clock) -> None:
    """However short the pause was: a slow return is waited for."""
    seeing = eye(clock, look_timeout_ms=30)
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.watch(False)
    clock.now += 0.2
    seeing.watch(True)
    look = await seeing.look()
    assert isinstance(look, Shot)
    assert look.waited_ms == 0
    clock.now += 1.5
    waiting = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    seeing.put(flat_frame(taken_at=clock.now))
    look = await waiting
    assert isinstance(look, Shot)
    assert look.age_ms < 100


async def test_track_chosen_in_a_pause_is_only_starting(clock: Clock) -> None:
    """It has never been seen, so nothing came too late."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.watch(False)
    clock.now += 60
    seeing.watch(True)
    look = await seeing.look()
    assert isinstance(look, Blind)
    assert look.reason == "starting"


async def test_look_before_the_caller_is_known_waits_for_them(clock: Clock) -> None:
    """A greeting's request may be faster than the caller's link: nobody knows yet that nothing is shared."""
    seeing = unlinked(clock)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    assert not looking.done()
    seeing.choose(CAMERA)
    await asyncio.sleep(0)
    seeing.put(flat_frame(taken_at=clock.now))
    async with asyncio.timeout(2):
        assert isinstance(await looking, Shot)


async def test_wait_for_the_caller_ends_when_they_share_nothing(clock: Clock) -> None:
    """From then on it is known."""
    seeing = unlinked(clock)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    seeing.choose(NOTHING)
    async with asyncio.timeout(2):
        assert await looking == Blind("none", None, 0)


async def test_look_that_nobody_is_linked_for_waits_no_longer_than_allowed(clock: Clock) -> None:
    """An empty room must not hold up a reply."""
    seeing = unlinked(clock, look_timeout_ms=30)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await seeing.look() == Blind("none", None, 0)
    assert 0.025 <= loop.time() - started < 1.0
    assert seeing.status() == "none"


async def test_frame_before_any_choice_is_dropped(clock: Clock) -> None:
    """Whose it is isn't known."""
    seeing = unlinked(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert await seeing.look() == Blind("none", None, 0)


def unlinked(clock: Clock, *, look_timeout_ms: int = 5000) -> Eye:
    """An eye that has not been told yet who calls."""
    return Eye("auto", VisionSettings(look_timeout_ms=look_timeout_ms), clock)


async def test_frame_that_arrives_during_the_wait_is_shown(clock: Clock) -> None:
    """The wait ends with the frame, not with its time."""
    seeing = eye(clock, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    clock.now += 0.2
    seeing.put(flat_frame(taken_at=clock.now))
    async with asyncio.timeout(2):
        look = await looking
    assert isinstance(look, Shot)
    assert look.waited_ms == pytest.approx(200)
    assert look.age_ms == 0


async def test_stale_frame_that_arrives_during_the_wait_does_not_end_it(clock: Clock) -> None:
    """Only a fresh frame is worth ending the wait for."""
    seeing = eye(clock, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    seeing.put(flat_frame(taken_at=clock.now - 3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not looking.done()
    fresh = flat_frame(taken_at=clock.now, width=320, height=240)
    seeing.put(fresh)
    async with asyncio.timeout(2):
        look = await looking
    assert isinstance(look, Shot)
    assert look.frame_width == 320


async def test_mute_during_the_wait_ends_it(clock: Clock) -> None:
    """Nothing more will come, so the caller is not kept waiting."""
    seeing = eye(clock, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    seeing.choose(MUTED)
    async with asyncio.timeout(2):
        look = await looking
    assert isinstance(look, Blind)
    assert look.reason == "muted"


async def dark_since(seeing: Eye, clock: Clock, *, pause_s: float) -> None:
    """The eye has seen a frame, was left dark for that long, and is to see again."""
    seeing.put(flat_frame(width=320, height=240, taken_at=clock.now))
    seeing.watch(False)
    clock.now += pause_s
    seeing.watch(True)


@pytest.mark.parametrize("choice", [CAMERA, SCREEN])
def test_dark_on_purpose_is_not_stale(clock: Clock, choice: Choice) -> None:
    """The status goes on naming what is shared, before the first frame and long after the last."""
    seeing = eye(clock, choice)
    seeing.watch(False)
    clock.now += 60
    assert seeing.status() == choice.source
    seeing.watch(True)
    seeing.put(flat_frame(sid="TR_2" if choice is SCREEN else "TR_1", source=choice.source or "camera"))
    assert seeing.status() == choice.source
    seeing.watch(False)
    clock.now += 60
    assert seeing.status() == choice.source


def test_source_that_goes_while_it_is_dark_is_told(clock: Clock) -> None:
    """Only what is live is named for the sake of the pause."""
    seeing = eye(clock)
    seeing.watch(False)
    seeing.choose(MUTED)
    assert seeing.status() == "muted"
    seeing.choose(NOTHING)
    assert seeing.status() == "none"


def test_eye_that_sees_nothing_after_a_pause_is_stale_in_the_end(clock: Clock) -> None:
    """From the moment on at which frames are expected again a source has as long as any other."""
    seeing = eye(clock)
    seeing.watch(False)
    clock.now += 60
    seeing.watch(True)
    clock.now += 2.0
    assert seeing.status() == "camera"
    clock.now += 0.001
    assert seeing.status() == "stale"


async def test_frame_from_before_a_pause_waits_for_a_newer_one(clock: Clock) -> None:
    """It is young enough to count, but the caller may have moved while nobody looked."""
    seeing = eye(clock, look_timeout_ms=5000)
    await dark_since(seeing, clock, pause_s=1.0)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    assert not looking.done()
    seeing.put(flat_frame(width=640, height=480, taken_at=clock.now))
    async with asyncio.timeout(10):
        look = await looking
    assert isinstance(look, Shot)
    assert (look.frame_width, look.age_ms) == (640, 0)


async def test_frame_from_before_a_pause_is_shown_when_no_newer_one_came(clock: Clock) -> None:
    """After the wait what still counts is better than nothing."""
    seeing = eye(clock, look_timeout_ms=30)
    await dark_since(seeing, clock, pause_s=1.0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    look = await seeing.look()
    assert loop.time() - started >= 0.025
    assert isinstance(look, Shot)
    assert (look.frame_width, look.age_ms) == (320, 1000)


async def test_frame_from_before_a_pause_ages_while_it_waits(clock: Clock) -> None:
    """Fresh when the wait began, it no longer counts when the wait is over."""
    seeing = eye(clock, look_timeout_ms=5000)
    await dark_since(seeing, clock, pause_s=1.9)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    clock.now += 5.0
    seeing.put(flat_frame(width=640, height=480, taken_at=clock.now - 3))  # wakes it: older still
    async with asyncio.timeout(10):
        look = await looking
    assert isinstance(look, Blind)
    assert look.reason == "stale"
    assert look.waited_ms == pytest.approx(5000)


async def test_source_that_does_not_come_back_in_time_is_late_and_not_stalled(clock: Clock) -> None:
    """It was us who stopped looking: the model is not told that the camera has failed, nor that it just came on."""
    seeing = eye(clock, look_timeout_ms=30)
    await dark_since(seeing, clock, pause_s=60)
    assert await seeing.look() == Blind("late", "camera", 0)
    clock.now += 2.001
    assert await seeing.look() == Blind("stale", "camera", 0)
    seeing.choose(SCREEN)
    assert await seeing.look() == Blind("starting", "screen", 0)


@pytest.mark.parametrize(("age_s", "waits"), [(0.0, False), (0.25, False), (0.26, True)])
async def test_pause_of_a_moment_needs_no_wait(clock: Clock, age_s: float, *, waits: bool) -> None:
    """A frame that is a quarter of a second old when frames are wanted again is as good as the next one."""
    seeing = eye(clock, look_timeout_ms=5000)
    await dark_since(seeing, clock, pause_s=age_s)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    assert (seeing._encoding is None) is waits
    seeing.put(flat_frame(taken_at=clock.now))
    async with asyncio.timeout(10):
        look = await looking
    assert isinstance(look, Shot)
    assert look.frame_width == (64 if waits else 320)


async def test_watching_on_is_no_pause(clock: Clock) -> None:
    """The feed repeats itself at every event; that alone must not make a frame old."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 1.5
    seeing.watch(True)
    look = await seeing.look()
    assert isinstance(look, Shot)
    assert look.age_ms == 1500


async def test_dark_source_that_is_muted_is_not_waited_for(clock: Clock) -> None:
    """Nor is one that has left: what it showed before is gone at once."""
    for gone in (MUTED, NOTHING):
        seeing = eye(clock, look_timeout_ms=5000)
        seeing.put(flat_frame(taken_at=clock.now))
        seeing.watch(False)
        seeing.choose(gone)
        async with asyncio.timeout(2):
            assert await seeing.look() == Blind(gone.blind or "none", gone.source, 0)


async def test_two_requests_wait_for_the_same_frame(clock: Clock) -> None:
    """Neither wakes the other in vain, and both are shown what came."""
    seeing = eye(clock, look_timeout_ms=5000)
    looking = [asyncio.create_task(seeing.look()) for _ in range(3)]
    await asyncio.sleep(0)
    seeing.put(flat_frame(taken_at=clock.now - 3))  # too old: all of them wake, and wait on
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(look.done() for look in looking)
    seeing.put(flat_frame(taken_at=clock.now))
    async with asyncio.timeout(10):
        looks = await asyncio.gather(*looking)
    assert all(isinstance(look, Shot) for look in looks)
    assert len({id(look.image) for look in looks if isinstance(look, Shot)}) == 1
