"""One part of what an eye has shown, enlarged."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from agent.vision.eye import Eye
from agent.vision.frame import Frame
from agent.vision.track import Candidate, Choice
from agent.vision.view import Blind, Shot
from config.vision import VisionSettings
from tests.fakes import Clock, flat_frame, grey_frame, pixels

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


def halves() -> Frame:
    """A frame of 64x48 whose left half is dark and whose right half is bright."""
    luma = np.full((48, 64), 16, dtype=np.uint8)
    luma[:, 32:] = 235
    return grey_frame(luma)


async def test_zoom_shows_one_part_in_full_resolution(clock: Clock) -> None:
    """Half of each edge, and the shot says which part it is."""
    seeing = eye(clock)
    seeing.put(halves())
    await seeing.look()
    right, left = await seeing.zoom("right"), await seeing.zoom("bottom left")
    assert isinstance(right, Shot)
    assert isinstance(left, Shot)
    assert (right.part, left.part) == ("right", "bottom left")
    assert pixels(right.image.data).shape == (24, 32, 3)
    assert pixels(right.image.data).min() > 245
    assert pixels(left.image.data).max() < 10
    assert (right.frame_width, right.frame_height, right.source) == (64, 48, "camera")


async def test_zoom_shows_a_part_of_what_the_newest_request_was_shown(clock: Clock) -> None:
    """What the model asks to see enlarged is in the picture that it has, not in one that came since."""
    seeing = eye(clock)
    seeing.put(flat_frame(yuv=(16, 128, 128), taken_at=clock.now))
    await seeing.look()
    clock.now += 1.5
    seeing.put(flat_frame(yuv=(235, 128, 128), taken_at=clock.now))
    dark = await seeing.zoom("center")
    assert isinstance(dark, Shot)
    assert pixels(dark.image.data).max() < 10
    assert dark.age_ms == 1500
    await seeing.look()
    bright = await seeing.zoom("center")
    assert isinstance(bright, Shot)
    assert pixels(bright.image.data).min() > 245


async def test_zoom_before_any_request_shows_a_part_of_the_newest_frame(clock: Clock) -> None:
    """As long as it counts."""
    seeing = eye(clock)
    assert await seeing.zoom("top") == Blind("starting", "camera", 0)
    seeing.put(halves())
    assert isinstance(await seeing.zoom("top"), Shot)
    clock.now += 2.001
    assert await seeing.zoom("top") == Blind("stale", "camera", 0)


@pytest.mark.parametrize(("gone", "reason"), [(MUTED, "muted"), (NOTHING, "none"), (SCREEN, "starting")])
async def test_zoom_into_what_is_shown_no_longer_is_blind(clock: Clock, gone: Choice, reason: str) -> None:
    """Who muted the camera meanwhile is not looked at closer."""
    seeing = eye(clock)
    seeing.put(halves())
    await seeing.look()
    seeing.choose(gone)
    assert await seeing.zoom("top left") == Blind(reason, gone.source, 0)  # type: ignore[arg-type]


async def test_mute_during_a_zoom_is_blind(clock: Clock) -> None:
    """As it is during a look: what is ready when the camera is muted is not shown any more."""
    seeing = eye(clock)
    seeing.put(halves())
    await seeing.look()
    zooming = asyncio.create_task(seeing.zoom("top left"))
    await asyncio.sleep(0)
    seeing.choose(MUTED)
    assert await zooming == Blind("muted", "camera", 0)


async def test_zoom_into_a_frame_that_can_not_be_encoded_is_a_reason_and_no_error(clock: Clock) -> None:
    """As for a look."""
    seeing = eye(clock)
    seeing.put(replace(flat_frame(taken_at=clock.now), i420=np.full(7, 128, dtype=np.uint8)))
    assert await seeing.zoom("top left") == Blind("failed", "camera", 0)


async def test_zoom_is_sent_as_large_as_a_screen_share(clock: Clock) -> None:
    """It was asked for to read small text, so half a 4K camera picture is not made smaller than it must be."""
    seeing = eye(clock)
    seeing.put(flat_frame(width=3840, height=2160, taken_at=clock.now))
    whole, part = await seeing.look(), await seeing.zoom("center")
    assert isinstance(whole, Shot)
    assert isinstance(part, Shot)
    assert (whole.image.width, part.image.width) == (1024, 1920)


async def test_zoom_after_a_blind_request_is_blind(clock: Clock) -> None:
    """The camera has stalled since an earlier request saw it: that picture is not the one that the model has."""
    seeing = eye(clock, look_timeout_ms=0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), Shot)
    clock.now += 60
    assert isinstance(await seeing.look(), Blind)
    assert isinstance(await seeing.zoom("center"), Blind)
