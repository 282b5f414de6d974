"""Choosing the video track."""

import itertools

import pytest

from agent.vision.track import Candidate, Choice, Wanted, choose, wanted_by, worth_keeping
from config.vision import VisionSource

CAMERA = Candidate("camera", "camera", muted=False)
CAMERA_MUTED = Candidate("camera", "camera", muted=True)
NEW_CAMERA = Candidate("new-camera", "camera", muted=False)
NEW_CAMERA_MUTED = Candidate("new-camera", "camera", muted=True)
SCREEN = Candidate("screen", "screen", muted=False)
SCREEN_MUTED = Candidate("screen", "screen", muted=True)
NEW_SCREEN = Candidate("new-screen", "screen", muted=False)

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
    ],
)
def test_the_right_track_is_chosen(candidates: list[Candidate], wanted: Wanted, expected: Choice) -> None:
    """Publishing, muting, replacing and sharing both lead to the documented choice."""
    assert choose(candidates, wanted) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("auto", ("auto",)),
        ("camera", ("camera",)),
        ("screen", ("screen",)),
        ("both", ("screen", "camera")),
        ("off", ()),
    ],
)
def test_each_eye_knows_what_it_looks_for(source: VisionSource, expected: tuple[Wanted, ...]) -> None:
    """Two for `both`, the more telling source first; none for `off`."""
    assert wanted_by(source) == expected


SCREEN_IS_MUTED = Choice(None, "muted", "screen")
CAMERA_IS_MUTED = Choice(None, "muted", "camera")


@pytest.mark.parametrize(
    ("candidates", "screen", "camera"),
    [
        pytest.param([], NOTHING, NOTHING, id="nothing published"),
        pytest.param([CAMERA], NOTHING, live(CAMERA), id="camera alone"),
        pytest.param([SCREEN], live(SCREEN), NOTHING, id="screen alone"),
        pytest.param([CAMERA, SCREEN], live(SCREEN), live(CAMERA), id="both"),
        pytest.param([CAMERA, SCREEN_MUTED], SCREEN_IS_MUTED, live(CAMERA), id="screen muted"),
        pytest.param([CAMERA_MUTED, SCREEN], live(SCREEN), CAMERA_IS_MUTED, id="camera muted"),
        pytest.param([CAMERA_MUTED, SCREEN_MUTED], SCREEN_IS_MUTED, CAMERA_IS_MUTED, id="both muted"),
        pytest.param([CAMERA, NEW_CAMERA, SCREEN], live(SCREEN), live(NEW_CAMERA), id="camera replaced"),
        pytest.param([CAMERA, SCREEN, NEW_SCREEN], live(NEW_SCREEN), live(CAMERA), id="screen replaced"),
        pytest.param([CAMERA_MUTED, NEW_CAMERA, SCREEN_MUTED], SCREEN_IS_MUTED, live(NEW_CAMERA), id="muted original"),
        pytest.param([CAMERA, NEW_CAMERA_MUTED, SCREEN], live(SCREEN), live(CAMERA), id="muted replacement"),
    ],
)
def test_two_eyes_choose_independently(candidates: list[Candidate], screen: Choice, camera: Choice) -> None:
    """What one looks at changes nothing for the other, in whatever order the sources were published."""
    by_source = [[c for c in candidates if c.source == source] for source in ("screen", "camera")]
    for one, other in itertools.permutations(by_source):
        for order in (one + other, other + one, candidates):
            assert [choose(order, wanted) for wanted in wanted_by("both")] == [screen, camera]


def test_track_that_left_and_returned_is_chosen_again() -> None:
    """Each choice is made from what is there now: publish, mute, leave and return in any order of the two sources."""
    for steps in itertools.permutations([CAMERA, CAMERA_MUTED, SCREEN, SCREEN_MUTED, None], 4):
        there: dict[str, Candidate] = {}
        for step in steps:
            if step is None:
                there.clear()
            else:
                there[step.sid] = step
            for wanted in wanted_by("both"):
                found = there.get(wanted)
                expected = NOTHING if found is None else Choice(None, "muted", found.source)
                assert choose(list(there.values()), wanted) == (
                    live(found) if found is not None and not found.muted else expected
                )


@pytest.mark.parametrize(
    ("candidates", "source", "expected"),
    [
        pytest.param([], "auto", set(), id="nothing"),
        pytest.param([CAMERA, SCREEN], "auto", {"camera", "screen"}, id="the camera behind a screen share"),
        pytest.param([CAMERA_MUTED], "auto", {"camera"}, id="what is muted may be back"),
        pytest.param([CAMERA, NEW_CAMERA], "auto", {"new-camera"}, id="replaced"),
        pytest.param([CAMERA, NEW_CAMERA_MUTED], "auto", {"camera"}, id="not live yet"),
        pytest.param([CAMERA_MUTED, NEW_CAMERA_MUTED], "auto", {"new-camera"}, id="both muted"),
        pytest.param([CAMERA, SCREEN], "camera", {"camera"}, id="camera alone"),
        pytest.param([CAMERA, SCREEN], "screen", {"screen"}, id="screen alone"),
        pytest.param([CAMERA, SCREEN, NEW_CAMERA], "both", {"screen", "new-camera"}, id="both"),
        pytest.param([CAMERA, SCREEN], "off", set(), id="off"),
    ],
)
def test_what_may_be_wanted_again_stays_subscribed(
    candidates: list[Candidate], source: VisionSource, expected: set[str]
) -> None:
    """One track of each source that counts, however many are published."""
    assert worth_keeping(candidates, wanted_by(source)) == expected
