"""One eye: what it shows of the track that it looks at, and why it may show nothing."""

import asyncio
import contextlib
from dataclasses import replace

import numpy as np
import pytest

from agent.vision.eye import Eye
from agent.vision.track import Candidate, Choice, Source, Wanted
from agent.vision.view import Blind, Shot
from config.vision import VisionSettings
from tests.fakes import Clock, flat_frame, pixels

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


async def test_fresh_frame_is_shown_without_waiting(clock: Clock) -> None:
    """The view tells source, size, age and that nobody waited."""
    seeing = eye(clock)
    seeing.put(flat_frame(width=640, height=360, taken_at=clock.now))
    clock.now += 1.5
    look = await seeing.look()
    assert isinstance(look, Shot)
    assert (look.source, look.frame_width, look.frame_height) == ("camera", 640, 360)
    assert (look.age_ms, look.waited_ms) == (1500, 0)
    assert pixels(look.image.data).shape == (360, 640, 3)


async def test_size_of_a_turned_frame_is_told_upright(clock: Clock) -> None:
    """Evidence speaks of the picture as a person would see it."""
    seeing = eye(clock)
    seeing.put(flat_frame(width=640, height=360, rotation=90, taken_at=clock.now))
    look = await seeing.look()
    assert isinstance(look, Shot)
    assert (look.frame_width, look.frame_height) == (360, 640)
    assert (look.image.width, look.image.height) == (360, 640)


async def test_frame_older_than_limit_is_not_attached(clock: Clock) -> None:
    """Just within the limit is fresh, just over it is stale."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 2.0
    assert isinstance(await seeing.look(), Shot)
    clock.now += 0.001
    assert await seeing.look() == Blind("stale", "camera", 0)


async def test_track_that_was_chosen_just_now_is_starting_and_not_stalled(clock: Clock) -> None:
    """For as long as a frame would count its first one is on the way; then it is late."""
    seeing = eye(clock, look_timeout_ms=0)
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 2.0
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 0.001
    assert await seeing.look() == Blind("stale", "camera", 0)
    seeing.choose(SCREEN)
    assert await seeing.look() == Blind("starting", "screen", 0)


async def test_camera_that_stalls_after_its_first_frame_is_stale(clock: Clock) -> None:
    """It has started: what it shows now is not on the way."""
    seeing = eye(clock, look_timeout_ms=0)
    clock.now += 1.0
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 2.1
    assert await seeing.look() == Blind("stale", "camera", 0)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [("auto", None), ("camera", "camera"), ("screen", "screen")],
)
async def test_nothing_shared_names_the_only_source_that_would_count(
    clock: Clock, wanted: Wanted, named: Source | None
) -> None:
    """The model must not say that the caller shares nothing when they share what is not looked at."""
    seeing = Eye(wanted, VisionSettings(look_timeout_ms=0), clock)
    assert await seeing.look() == Blind("none", named, 0)
    seeing.choose(NOTHING)
    assert await seeing.look() == Blind("none", named, 0)


async def test_two_requests_of_one_frame_are_one_encode(clock: Clock) -> None:
    """The second request gets the very same file and pays nothing for it."""
    seeing = eye(clock)
    seeing.put(flat_frame(taken_at=clock.now))
    first, second = await seeing.look(), await seeing.look()
    assert isinstance(first, Shot)
    assert isinstance(second, Shot)
    assert second.image is first.image
    assert first.encode_ms > 0
    assert second.encode_ms == 0


async def test_requests_at_the_same_time_share_one_encode(clock: Clock) -> None:
    """The second does not start work that is under way."""
    seeing = eye(clock)
    seeing.put(flat_frame(taken_at=clock.now))
    first, second = await asyncio.gather(seeing.look(), seeing.look())
    assert isinstance(first, Shot)
    assert isinstance(second, Shot)
    assert second.image is first.image
    assert sorted([first.encode_ms == 0, second.encode_ms == 0]) == [False, True]


async def test_cancelled_request_does_not_take_the_picture_of_another(clock: Clock) -> None:
    """A speculation that is thrown away in the middle of its encode leaves the encode to the confirmed turn."""
    seeing = eye(clock)
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
    assert isinstance(look, Shot)
    assert look.encode_ms == 0


async def test_next_frame_is_encoded_anew(clock: Clock) -> None:
    """Sharing ends with the frame."""
    seeing = eye(clock)
    seeing.put(flat_frame(yuv=(16, 128, 128), taken_at=clock.now))
    dark = await seeing.look()
    seeing.put(flat_frame(yuv=(235, 128, 128), taken_at=clock.now))
    bright = await seeing.look()
    assert isinstance(dark, Shot)
    assert isinstance(bright, Shot)
    assert pixels(dark.image.data).max() < 10
    assert pixels(bright.image.data).min() > 245


async def test_frame_of_another_track_is_dropped(clock: Clock) -> None:
    """A stream that outlives its track must not pass for the chosen one."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(sid="TR_2", source="screen", taken_at=clock.now))
    assert await seeing.look() == Blind("starting", "camera", 0)


async def test_frame_without_a_chosen_track_is_dropped(clock: Clock) -> None:
    """Frames that were on their way when the camera was muted are late."""
    seeing = eye(clock, MUTED, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.choose(CAMERA)
    assert await seeing.look() == Blind("starting", "camera", 0)


@pytest.mark.parametrize("between", [MUTED, NOTHING, SCREEN])
async def test_switch_of_track_forgets_the_old_frame(clock: Clock, between: Choice) -> None:
    """What the camera showed before it was muted or left is not shown after it came back."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), Shot)
    seeing.choose(between)
    assert isinstance(await seeing.look(), Blind)
    seeing.choose(CAMERA)
    assert await seeing.look() == Blind("starting", "camera", 0)
    clock.now += 2.1
    assert await seeing.look() == Blind("stale", "camera", 0)


async def test_same_choice_again_keeps_the_frame(clock: Clock) -> None:
    """The feed repeats its choice at every event; that alone must not blind anyone."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.choose(replace(CAMERA))
    assert isinstance(await seeing.look(), Shot)


async def test_frame_that_can_not_be_encoded_is_a_reason_and_no_error(clock: Clock) -> None:
    """A broken frame ends no call, and the next good one is seen."""
    seeing = eye(clock)
    seeing.put(replace(flat_frame(taken_at=clock.now), i420=np.full(7, 128, dtype=np.uint8)))
    assert await seeing.look() == Blind("failed", "camera", 0)
    assert await seeing.look() == Blind("failed", "camera", 0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), Shot)


async def test_screen_share_is_sent_larger_than_a_camera(clock: Clock) -> None:
    """Small text must stay readable."""
    seeing = eye(clock, SCREEN)
    seeing.put(flat_frame(width=1920, height=1080, sid="TR_2", source="screen", taken_at=clock.now))
    screen = await seeing.look()
    seeing.choose(CAMERA)
    seeing.put(flat_frame(width=1920, height=1080, taken_at=clock.now))
    camera = await seeing.look()
    assert isinstance(screen, Shot)
    assert isinstance(camera, Shot)
    assert (screen.image.width, camera.image.width) == (1920, 1024)


def test_status_follows_what_can_be_seen(clock: Clock) -> None:
    """The attribute `vision.status` in each state."""
    seeing = eye(clock, NOTHING)
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


async def test_mute_during_a_look_is_blind(clock: Clock) -> None:
    """The picture that was being encoded is not what the caller shows any more."""
    seeing = eye(clock)
    seeing.put(flat_frame(taken_at=clock.now))
    looking = asyncio.create_task(seeing.look())
    await asyncio.sleep(0)
    seeing.choose(MUTED)
    assert await looking == Blind("muted", "camera", 0)


def test_newest_frame_is_known_however_old(clock: Clock) -> None:
    """Until another track is chosen."""
    seeing = eye(clock)
    assert seeing.last_seen_at is None
    seeing.put(flat_frame(taken_at=clock.now))
    clock.now += 60
    assert seeing.last_seen_at == 1000.0
    seeing.choose(SCREEN)
    assert seeing.last_seen_at is None


def test_frame_that_was_dropped_is_told(clock: Clock) -> None:
    """It is not the fresh one that somebody waits for: of another track, of a pause, or no view at all."""
    seeing = eye(clock)
    assert seeing.put(flat_frame(taken_at=clock.now)) is True
    assert seeing.put(flat_frame(sid="TR_2", taken_at=clock.now)) is False
    assert seeing.put(flat_frame(yuv=(0, 128, 128), taken_at=clock.now)) is False
    seeing.watch(False)
    assert seeing.put(flat_frame(taken_at=clock.now)) is False


def test_pause_does_not_heal_a_stalled_camera(clock: Clock) -> None:
    """Its status stays until a frame comes, or another track is chosen."""
    seeing = eye(clock)
    clock.now += 10
    assert seeing.status() == "stale"
    seeing.watch(False)
    assert seeing.status() == "stale"
    clock.now += 10
    seeing.watch(True)
    assert seeing.status() == "stale"
    seeing.put(flat_frame(taken_at=clock.now))
    seeing.watch(False)
    clock.now += 10
    assert seeing.status() == "camera"
