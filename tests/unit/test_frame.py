"""The newest frame and its age."""

import numpy as np
import pytest

from agent.vision.frame import LatestFrame
from tests.fakes import flat_frame, grey_frame


@pytest.mark.parametrize(("width", "height"), [(8, 8), (1280, 8), (8, 720), (15, 15)])
def test_frame_too_small_to_be_a_view_is_dropped(width: int, height: int) -> None:
    """A browser's blank farewell frame does not take the place of what was really seen."""
    latest = LatestFrame()
    real = flat_frame()
    latest.put(real)
    assert latest.put(flat_frame(width=width, height=height)) is False
    assert latest.get() is real


def test_smallest_view_is_kept() -> None:
    """16 pixels are enough."""
    assert LatestFrame().put(flat_frame(width=16, height=16)) is True


def test_newer_frame_replaces_the_older() -> None:
    """One frame is held, the newest."""
    latest = LatestFrame()
    newer = flat_frame(taken_at=2)
    latest.put(flat_frame(taken_at=1))
    latest.put(newer)
    assert latest.get() is newer


def test_cleared_frame_is_forgotten() -> None:
    """What a muted track showed last is gone."""
    latest = LatestFrame()
    latest.put(flat_frame())
    latest.clear()
    assert latest.get() is None


def test_age_is_counted_from_arrival_and_never_negative() -> None:
    """A clock read a moment before the frame came does not make it younger than new."""
    frame = flat_frame(taken_at=10)
    assert frame.age_s(12.5) == 2.5
    assert frame.age_s(9.9) == 0


def test_frames_are_compared_by_identity() -> None:
    """Two equal pictures are two moments."""
    assert flat_frame() != flat_frame()


def test_blank_frame_of_a_pause_is_dropped() -> None:
    """Luma 0 is below black: no camera sends it, only a decoder that has nothing."""
    latest = LatestFrame()
    real = flat_frame()
    latest.put(real)
    assert latest.put(flat_frame(yuv=(0, 128, 128), width=1280, height=720)) is False
    assert latest.get() is real


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 48), (1280, 720), (1281, 721), (3840, 2160)])
def test_black_frame_is_a_view(width: int, height: int) -> None:
    """A dark room or a covered lens is what the caller shows."""
    assert LatestFrame().put(flat_frame(yuv=(16, 128, 128), width=width, height=height)) is True


def test_colour_alone_does_not_make_a_frame_a_view() -> None:
    """Nor do the colour planes of one that is broken off."""
    assert LatestFrame().put(flat_frame(yuv=(0, 255, 255))) is False


def test_dark_left_edge_is_no_blank_frame() -> None:
    """A full-range camera with a black bar beside its picture, at a height that divides evenly."""
    luma = np.full((1024, 1280), 90, np.uint8)
    luma[:, 0] = 0
    assert LatestFrame().put(grey_frame(luma)) is True
