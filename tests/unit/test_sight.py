"""What a request is shown, and why it may be shown nothing."""

import asyncio
import contextlib
from dataclasses import replace

import numpy as np
import pytest

from agent.vision.sight import Blind, LiveSight, NoSight, View
from agent.vision.track import Candidate, Choice, Source, Wanted
from config.groups import VisionSettings
from tests.fakes import Clock, flat_frame, pixels

CAMERA = Choice(Candidate("TR_1", "camera", muted=False), None, "camera")
SCREEN = Choice(Candidate("TR_2", "screen", muted=False), None, "screen")
MUTED = Choice(None, "muted", "camera")
NOTHING = Choice(None, "none", None)


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hands."""
    return Clock(1000.0)


def sight(clock: Clock, choice: Choice = CAMERA, *, look_timeout_ms: int = 30) -> LiveSight:
    """A sight whose frames count for two seconds."""
    made = LiveSight(VisionSettings(max_frame_age_s=2.0, look_timeout_ms=look_timeout_ms), clock=clock)
    made.choose(choice)
    return made


async def test_fresh_frame_is_shown_without_waiting(clock: Clock) -> None:
    """The view tells source, size, age and that nobody waited."""
    seeing = sight(clock)
    seeing.put(flat_frame(width=640, height=360, taken_at=clock.now))
    clock.now += 1.5
    look = await seeing.look()
    assert isinstance(look, View)
    assert (look.source, look.frame_width, look.frame_height) == ("camera", 640, 360)
    assert (look.age_ms, look.waited_ms) == (1500, 0)
    assert pixels(look.jpeg.data).shape == (360, 640, 3)


async def test_size_of_a_turned_frame_is_told_upright(clock: Clock) -> None:
    """Evidence speaks of the picture as a person would see it."""
    seeing = sight(clock)
    seeing.put(flat_frame(width=640, height=360, rotation=90, taken_at=clock.now))
    look = await seeing.look()
    assert isinstance(look, View)
    assert (look.frame_width, look.frame_height) == (360, 640)
    assert (look.jpeg.width, look.jpeg.height) == (360, 640)


async def test_frame_older_than_limit_is_not_attached(clock: Clock) -> None:
    """Just within the limit is fresh, just over it is stale."""
    seeing = sight(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 2.0
    assert isinstance(await seeing.look(), View)
    clock.now += 0.001
    assert await seeing.look() == Blind("stale", "camera", 0)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [(NOTHING, Blind("none", None, 0)), (MUTED, Blind("muted", "camera", 0))],
)
async def test_source_that_can_not_show_anything_is_not_waited_for(
    clock: Clock, choice: Choice, expected: Blind
) -> None:
    """The reason is known at once: with a timeout of five seconds the answer comes in one step."""
    seeing = sight(clock, choice, look_timeout_ms=5000)
    async with asyncio.timeout(1):
        assert await seeing.look() == expected


async def test_live_source_without_a_frame_is_waited_for_no_longer_than_allowed(clock: Clock) -> None:
    """A camera that has stalled ends the wait with `stale`."""
    seeing = sight(clock, look_timeout_ms=30)
    clock.now += 2.1
    loop = asyncio.get_running_loop()
    started = loop.time()
    look = await seeing.look()
    waited_s = loop.time() - started
    assert isinstance(look, Blind)
    assert look.reason == "stale"
    assert 0.025 <= waited_s < 1.0


async def test_track_that_was_chosen_just_now_is_starting_and_not_stalled(clock: Clock) -> None:
    """For as long as a frame would count its first one is on the way; then it is late."""
    seeing = sight(clock, look_timeout_ms=0)
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 2.0
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 0.001
    assert await seeing.look() == Blind("stale", "camera", 0)
    seeing.choose(SCREEN)
    assert await seeing.look() == Blind("starting", "screen", 0)


async def test_camera_that_stalls_after_its_first_frame_is_stale(clock: Clock) -> None:
    """It has started: what it shows now is not on the way."""
    seeing = sight(clock, look_timeout_ms=0)
    clock.now += 1.0
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 2.1
    assert await seeing.look() == Blind("stale", "camera", 0)


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
        assert isinstance(await looking, View)


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


def unlinked(clock: Clock, *, look_timeout_ms: int = 5000) -> LiveSight:
    """A sight that has not been told yet who calls."""
    return LiveSight(VisionSettings(look_timeout_ms=look_timeout_ms), clock=clock)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [("auto", None), ("camera", "camera"), ("screen", "screen")],
)
async def test_nothing_shared_names_the_only_source_that_would_count(
    clock: Clock, wanted: Wanted, named: Source | None
) -> None:
    """The model must not say that the caller shares nothing when they share what is not looked at."""
    seeing = LiveSight(VisionSettings(source=wanted, look_timeout_ms=0), clock=clock)
    assert await seeing.look() == Blind("none", named, 0)
    seeing.choose(NOTHING)
    assert await seeing.look() == Blind("none", named, 0)


async def test_frame_that_arrives_during_the_wait_is_shown(clock: Clock) -> None:
    """The wait ends with the frame, not with its time."""
    seeing = sight(clock, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    clock.now += 0.2
    seeing.put(flat_frame(taken_at=clock.now))
    async with asyncio.timeout(2):
        look = await looking
    assert isinstance(look, View)
    assert look.waited_ms == pytest.approx(200)
    assert look.age_ms == 0


async def test_stale_frame_that_arrives_during_the_wait_does_not_end_it(clock: Clock) -> None:
    """Only a fresh frame is worth ending the wait for."""
    seeing = sight(clock, look_timeout_ms=5000)
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
    assert isinstance(look, View)
    assert look.frame_width == 320


async def test_mute_during_the_wait_ends_it(clock: Clock) -> None:
    """Nothing more will come, so the caller is not kept waiting."""
    seeing = sight(clock, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    seeing.choose(MUTED)
    async with asyncio.timeout(2):
        look = await looking
    assert isinstance(look, Blind)
    assert look.reason == "muted"


async def test_two_requests_of_one_frame_are_one_encode(clock: Clock) -> None:
    """The second request gets the very same file and pays nothing for it."""
    seeing = sight(clock)
    seeing.put(flat_frame(taken_at=clock.now))
    first, second = await seeing.look(), await seeing.look()
    assert isinstance(first, View)
    assert isinstance(second, View)
    assert second.jpeg is first.jpeg
    assert first.encode_ms > 0
    assert second.encode_ms == 0


async def test_requests_at_the_same_time_share_one_encode(clock: Clock) -> None:
    """The second does not start work that is under way."""
    seeing = sight(clock)
    seeing.put(flat_frame(taken_at=clock.now))
    first, second = await asyncio.gather(seeing.look(), seeing.look())
    assert isinstance(first, View)
    assert isinstance(second, View)
    assert second.jpeg is first.jpeg
    assert sorted([first.encode_ms == 0, second.encode_ms == 0]) == [False, True]


async def test_cancelled_request_does_not_take_the_picture_of_another(clock: Clock) -> None:
    """A speculation that is thrown away in the middle of its encode leaves the encode to the confirmed turn."""
    seeing = sight(clock)
    seeing.put(flat_frame(width=1280, height=720, taken_at=clock.now))
    speculative = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    confirmed = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    speculative.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await speculative
    assert speculative.cancelled()
    look = await confirmed
    assert isinstance(look, View)
    assert look.encode_ms == 0


async def test_next_frame_is_encoded_anew(clock: Clock) -> None:
    """Sharing ends with the frame."""
    seeing = sight(clock)
    seeing.put(flat_frame(yuv=(16, 128, 128), taken_at=clock.now))
    dark = await seeing.look()
    seeing.put(flat_frame(yuv=(235, 128, 128), taken_at=clock.now))
    bright = await seeing.look()
    assert isinstance(dark, View)
    assert isinstance(bright, View)
    assert pixels(dark.jpeg.data).max() < 10
    assert pixels(bright.jpeg.data).min() > 245


async def test_frame_of_another_track_is_dropped(clock: Clock) -> None:
    """A stream that outlives its track must not pass for the chosen one."""
    seeing = sight(clock, look_timeout_ms=0)
    seeing.put(flat_frame(sid="TR_2", source="screen", taken_at=clock.now))
    assert await seeing.look() == Blind("starting", "camera", 0)


async def test_frame_without_a_chosen_track_is_dropped(clock: Clock) -> None:
    """Frames that were on their way when the camera was muted are late."""
    seeing = sight(clock, MUTED, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.choose(CAMERA)
    assert await seeing.look() == Blind("starting", "camera", 0)


@pytest.mark.parametrize("between", [MUTED, NOTHING, SCREEN])
async def test_switch_of_track_forgets_the_old_frame(clock: Clock, between: Choice) -> None:
    """What the camera showed before it was muted or left is not shown after it came back."""
    seeing = sight(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), View)
    seeing.choose(between)
    assert isinstance(await seeing.look(), Blind)
    seeing.choose(CAMERA)
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 2.1
    assert await seeing.look() == Blind("stale", "camera", 0)


async def test_same_choice_again_keeps_the_frame(clock: Clock) -> None:
    """The feed repeats its choice at every event; that alone must not blind anyone."""
    seeing = sight(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.choose(replace(CAMERA))
    assert isinstance(await seeing.look(), View)


async def test_frame_that_can_not_be_encoded_is_a_reason_and_no_error(clock: Clock) -> None:
    """A broken frame ends no call, and the next good one is seen."""
    seeing = sight(clock)
    seeing.put(replace(flat_frame(taken_at=clock.now), i420=np.zeros(7, dtype=np.uint8)))
    assert await seeing.look() == Blind("failed", "camera", 0)
    assert await seeing.look() == Blind("failed", "camera", 0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), View)


async def test_screen_share_is_sent_larger_than_a_camera(clock: Clock) -> None:
    """Small text must stay readable."""
    seeing = sight(clock, SCREEN)
    seeing.put(flat_frame(width=1920, height=1080, sid="TR_2", source="screen", taken_at=clock.now))
    screen = await seeing.look()
    seeing.choose(CAMERA)
    seeing.put(flat_frame(width=1920, height=1080, taken_at=clock.now))
    camera = await seeing.look()
    assert isinstance(screen, View)
    assert isinstance(camera, View)
    assert (screen.jpeg.width, camera.jpeg.width) == (1920, 1024)


def test_status_follows_what_can_be_seen(clock: Clock) -> None:
    """The attribute `vision.status` in each state."""
    seeing = sight(clock, NOTHING)
    states = [seeing.status()]
    seeing.choose(CAMERA)
    states.append(seeing.status())
    clock.now += 2.1
    states.append(seeing.status())
    seeing.put(flat_frame(taken_at=clock.now))
    states.append(seeing.status())
    clock.now += 2.1
    states.append(seeing.status())
    seeing.choose(MUTED)
    states.append(seeing.status())
    seeing.choose(SCREEN)
    states.append(seeing.status())
    assert states == ["none", "camera", "stale", "camera", "stale", "muted", "screen"]


async def test_sight_that_is_off_says_so() -> None:
    """No frame, no wait, no reason to apologise for."""
    assert await NoSight().look() == Blind("off")
    assert NoSight().status() == "off"
