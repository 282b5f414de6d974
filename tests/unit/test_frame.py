"""The newest frame and its age."""

import pytest

from agent.vision.frame import LatestFrame
from tests.fakes import flat_frame


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
