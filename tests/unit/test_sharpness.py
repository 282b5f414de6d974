"""The sharpest of a few frames: how it is chosen, which frames are kept for it, and what an eye makes of it."""

import asyncio
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.vision.eye import Eye
from agent.vision.frame import MAX_RECENT, Frame, LatestFrame, RecentFrames
from agent.vision.sharpness import sharpest, sharpness
from agent.vision.track import Candidate, Choice
from agent.vision.view import Blind, Shot
from config.vision import VisionSettings
from tests.fakes import Clock, flat_frame, grey_frame, pixels

CAMERA = Choice(Candidate("TR_1", "camera", muted=False), None, "camera")
SCREEN = Choice(Candidate("TR_2", "screen", muted=False), None, "screen")


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hands."""
    return Clock(1000.0)


def blurred(amount: float, *, width: int = 64, height: int = 48, taken_at: float = 1000.0) -> Frame:
    """A chequered frame, out of focus by so many pixels."""
    luma = (np.indices((height, width)).sum(axis=0) // 8 % 2 * 200 + 20).astype(np.uint8)
    if amount:
        luma = np.asarray(cv2.GaussianBlur(luma, (0, 0), amount), np.uint8)
    return replace(grey_frame(luma), taken_at=taken_at)


def eye(clock: Clock, *, sharp: bool = True, max_frame_age_s: float = 2.0) -> Eye:
    """An eye that looks at the camera."""
    settings = VisionSettings(sharpest=sharp, max_frame_age_s=max_frame_age_s, look_timeout_ms=0)
    made = Eye("auto", settings, clock)
    made.choose(CAMERA)
    return made


async def shot_of(seeing: Eye) -> Shot:
    """What a request is shown."""
    look = await seeing.look()
    assert isinstance(look, Shot)
    return look


def contrast(found: Shot | Blind) -> float:
    """How far the picture's brightness spreads: a blur takes it away."""
    assert isinstance(found, Shot)
    return float(pixels(found.image.data).std())


@pytest.mark.parametrize("size", [(64, 48), (640, 360), (1280, 720), (1920, 1080), (1281, 723)])
def test_blur_lowers_the_score(size: tuple[int, int]) -> None:
    """The more the lower, at every size."""
    width, height = size
    scores = [sharpness(blurred(amount, width=width, height=height)) for amount in (0, 1, 2, 4)]
    assert scores == sorted(scores, reverse=True)
    assert scores[3] < scores[2] / 2 < scores[1] / 4


@pytest.mark.parametrize(
    ("amounts", "taken"),
    [((0, 2, 2), 0), ((2, 0, 2), 1), ((2, 2, 0), 2), ((2,), 0), ((0, 0, 0), 2), ((0, 0, 4), 1)],
)
def test_newest_of_the_sharp_frames_is_taken(amounts: tuple[float, ...], taken: int) -> None:
    """An older one only where those after it are blurred."""
    frames = [blurred(amount) for amount in amounts]
    assert sharpest(frames) is frames[taken]


def faded(share: float) -> Frame:
    """A chequered frame whose score is that share of the full one's."""
    frame = blurred(0)
    luma = frame.i420.astype(np.float64) * np.sqrt(share)
    return replace(frame, i420=np.round(luma).astype(np.uint8))


def test_frame_that_is_nearly_as_sharp_and_newer_is_taken() -> None:
    """A tenth less is not worth an older moment; a fifth is."""
    best, nearly, worse = faded(1.0), faded(0.93), faded(0.8)
    assert sharpest([best, nearly]) is nearly
    assert sharpest([best, nearly, worse]) is nearly
    assert sharpest([best, worse]) is best


@pytest.mark.parametrize(
    "other",
    [
        blurred(0, width=32, height=24),
        replace(blurred(0), rotation=90),
        replace(blurred(0), i420=np.zeros(7, np.uint8)),
    ],
)
def test_frame_of_another_shape_is_skipped(other: Frame) -> None:
    """What a phone sent before it was turned, or at another size, is no sharper or less sharp; nor is a broken one."""
    newest = blurred(3)
    assert sharpest([other, newest]) is newest
    before = blurred(0)
    assert sharpest([before, other, newest]) is before


def test_frames_without_any_contrast_are_equally_sharp() -> None:
    """The newest wins at a score of nothing, too."""
    frames = [flat_frame(), flat_frame(), flat_frame()]
    assert sharpest(frames) is frames[2]


def test_recent_frames_are_those_of_the_last_moment() -> None:
    """Oldest first; what is more than 0.3 s before the newest is dropped."""
    recent = RecentFrames()
    frames = [flat_frame(taken_at=at) for at in (10.0, 10.1, 10.25, 10.375)]
    for frame in frames:
        assert recent.put(frame) is True
    assert recent.recent() == tuple(frames[1:])
    assert recent.get() is frames[-1]
    late = flat_frame(taken_at=20.0)
    recent.put(late)
    assert recent.recent() == (late,)


def test_recent_frames_are_bounded() -> None:
    """However fast they come."""
    recent = RecentFrames()
    frames = [flat_frame(taken_at=10 + number / 1000) for number in range(100)]
    for frame in frames:
        recent.put(frame)
    assert recent.recent() == tuple(frames[-MAX_RECENT:])


@pytest.mark.parametrize("holder", [LatestFrame, RecentFrames])
def test_blank_frame_is_none_of_the_recent_ones(holder: type[LatestFrame]) -> None:
    """It is no view; and nothing is left of any once they are forgotten."""
    recent = holder()
    assert recent.recent() == ()
    frame = flat_frame()
    recent.put(frame)
    assert recent.put(flat_frame(yuv=(0, 128, 128))) is False
    assert recent.recent() == (frame,)
    recent.clear()
    assert (recent.recent(), recent.get()) == ((), None)


async def test_sharpest_frame_is_shown_with_its_own_age(clock: Clock) -> None:
    """The evidence is of the frame that was taken, not of the newest."""
    seeing = eye(clock)
    seeing.put(blurred(0, taken_at=clock.now))
    clock.now += 0.1
    seeing.put(blurred(4, taken_at=clock.now))
    clock.now += 0.05
    look = await shot_of(seeing)
    assert look.age_ms == pytest.approx(150)
    assert contrast(look) > 80


async def test_newest_frame_is_shown_unless_the_sharpest_is_asked_for(clock: Clock) -> None:
    """As it is by default."""
    seeing = eye(clock, sharp=False)
    seeing.put(blurred(0, taken_at=clock.now))
    clock.now += 0.1
    seeing.put(blurred(4, taken_at=clock.now))
    look = await shot_of(seeing)
    assert look.age_ms == 0
    assert contrast(look) < 60


async def test_zoom_shows_a_part_of_the_frame_that_was_taken(clock: Clock) -> None:
    """The model asks about the picture that it has."""
    seeing = eye(clock)
    seeing.put(blurred(0, taken_at=clock.now))
    clock.now += 0.1
    seeing.put(blurred(4, taken_at=clock.now))
    _, zoomed = await asyncio.gather(seeing.look(), seeing.zoom("center"))
    assert contrast(zoomed) > 80
    assert isinstance(zoomed, Shot)
    assert zoomed.age_ms == pytest.approx(100)


async def test_requests_at_the_same_newest_frame_share_one_encode(clock: Clock) -> None:
    """Also when the frame that is taken is an older one."""
    seeing = eye(clock)
    seeing.put(blurred(0, taken_at=clock.now))
    seeing.put(blurred(4, taken_at=clock.now))
    first, second = await asyncio.gather(shot_of(seeing), shot_of(seeing))
    third = await shot_of(seeing)
    assert first.image is second.image is third.image
    assert sorted(shot.encode_ms == 0 for shot in (first, second, third)) == [False, True, True]


async def test_next_frame_is_another_moment(clock: Clock) -> None:
    """A sharp frame is taken for a request that follows as long as it is recent, and no longer."""
    seeing = eye(clock)
    seeing.put(blurred(0, taken_at=clock.now))
    contrasts: list[float] = []
    for _ in range(4):
        clock.now += 0.125
        seeing.put(blurred(4, taken_at=clock.now))
        contrasts.append(contrast(await shot_of(seeing)))
    assert [one > 80 for one in contrasts] == [True, True, False, False]


async def test_frame_that_counts_no_longer_is_not_taken_however_sharp(clock: Clock) -> None:
    """The limit of age holds for the frame that is shown."""
    seeing = eye(clock, max_frame_age_s=0.2)
    seeing.put(blurred(0, taken_at=clock.now))
    clock.now += 0.125
    seeing.put(blurred(4, taken_at=clock.now))
    clock.now += 0.125
    assert (await shot_of(seeing)).age_ms == pytest.approx(125)


async def test_frames_of_the_track_before_are_not_taken(clock: Clock) -> None:
    """Another track is another scene."""
    seeing = eye(clock)
    seeing.put(blurred(0, taken_at=clock.now))
    seeing.choose(SCREEN)
    seeing.put(replace(blurred(4, taken_at=clock.now), track_sid="TR_2", source="screen"))
    assert contrast(await shot_of(seeing)) < 60


async def test_broken_newest_frame_is_a_reason_and_no_error(clock: Clock) -> None:
    """As without the setting, for a look and for a part of it; a good one after it is seen."""
    seeing = eye(clock)
    broken: NDArray[np.uint8] = np.full(7, 128, dtype=np.uint8)
    for _ in range(2):
        seeing.put(replace(flat_frame(taken_at=clock.now), i420=broken))
    assert await seeing.look() == Blind("failed", "camera", 0)
    assert await seeing.zoom("top") == Blind("failed", "camera", 0)
    seeing.put(flat_frame(taken_at=clock.now))
    assert isinstance(await seeing.look(), Shot)
