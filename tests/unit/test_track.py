"""Choosing the video track."""

import pytest

from agent.vision.track import Candidate, Choice, Wanted, choose

CAMERA = Candidate("camera", "camera", muted=False)
CAMERA_MUTED = Candidate("camera", "camera", muted=True)
NEW_CAMERA = Candidate("new-camera", "camera", muted=False)
NEW_CAMERA_MUTED = Candidate("new-camera", "camera", muted=True)
SCREEN = Candidate("screen", "screen", muted=False)
SCREEN_MUTED = Candidate("screen", "screen", muted=True)

NOTHING = Choice(None, "none", None)


def live(track: Candidate) -> Choice:
    """The choice of a track that is live."""
    return Choice(track, None, track.source)


@pytest.mark.parametrize(
    ("candidates", "wanted", "expected"),
    [
        pytest.param([], "auto", NOTHING, id="nothing published"),
        pytest.param([CAMERA], "auto", live(CAMERA), id="camera"),
        pytest.param([SCREEN], "auto", live(SCREEN), id="screen"),
        pytest.param([CAMERA, SCREEN], "auto", live(SCREEN), id="both: the screen is what the caller shows"),
        pytest.param([SCREEN, CAMERA], "auto", live(SCREEN), id="both, the camera newer"),
        pytest.param([CAMERA, SCREEN_MUTED], "auto", live(CAMERA), id="live camera before a muted screen"),
        pytest.param([CAMERA_MUTED, SCREEN], "auto", live(SCREEN), id="live screen before a muted camera"),
        pytest.param([CAMERA_MUTED], "auto", Choice(None, "muted", "camera"), id="muted camera"),
        pytest.param([SCREEN_MUTED], "auto", Choice(None, "muted", "screen"), id="muted screen"),
        pytest.param([CAMERA_MUTED, SCREEN_MUTED], "auto", Choice(None, "muted", "screen"), id="both muted"),
        pytest.param([CAMERA, NEW_CAMERA], "auto", live(NEW_CAMERA), id="replaced: the newest of a source"),
        pytest.param([CAMERA, NEW_CAMERA_MUTED], "auto", live(CAMERA), id="a muted replacement is not live yet"),
        pytest.param([CAMERA_MUTED, NEW_CAMERA], "auto", live(NEW_CAMERA), id="muted original, live replacement"),
        pytest.param([CAMERA, SCREEN], "camera", live(CAMERA), id="camera wanted"),
        pytest.param([CAMERA, SCREEN], "screen", live(SCREEN), id="screen wanted"),
        pytest.param([SCREEN], "camera", NOTHING, id="camera wanted, only a screen there"),
        pytest.param([CAMERA_MUTED, SCREEN], "camera", Choice(None, "muted", "camera"), id="wanted camera muted"),
        pytest.param([CAMERA], "screen", NOTHING, id="screen wanted, only a camera there"),
        pytest.param([CAMERA, SCREEN], "off", NOTHING, id="off: nothing is looked at"),
    ],
)
def test_the_right_track_is_chosen(candidates: list[Candidate], wanted: Wanted, expected: Choice) -> None:
    """Publishing, muting, replacing and sharing both lead to the documented choice."""
    assert choose(candidates, wanted) == expected
