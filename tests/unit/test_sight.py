"""What a request is shown by one eye or by two."""

import asyncio
import itertools

import pytest

from agent.vision.attention import Adaptive, Attention
from agent.vision.sight import LiveSight, NoSight
from agent.vision.track import Candidate, Choice, Source
from agent.vision.view import Blind, View
from config.vision import VisionSettings, VisionSource
from tests.fakes import Clock, flat_frame, pixels, view

CAMERA = Choice(Candidate("TR_camera", "camera", muted=False), None, "camera")
SCREEN = Choice(Candidate("TR_screen", "screen", muted=False), None, "screen")
CAMERA_MUTED = Choice(None, "muted", "camera")
SCREEN_MUTED = Choice(None, "muted", "screen")
NOTHING = Choice(None, "none", None)


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hands."""
    return Clock(1000.0)


def sight(clock: Clock, source: VisionSource, *choices: Choice, look_timeout_ms: int = 0) -> LiveSight:
    """A sight whose eyes look at these, the screen's first, and whose frames count for two seconds."""
    settings = VisionSettings(source=source, max_frame_age_s=2.0, look_timeout_ms=look_timeout_ms)
    made = LiveSight(settings, clock=clock)
    for eye, choice in zip(made.eyes, choices, strict=True):
        eye.choose(choice)
    return made


def show(seeing: LiveSight, *sources: Source, taken_at: float = 1000.0) -> None:
    """A frame of each source comes; what no eye looks at is dropped."""
    for source, eye in itertools.product(sources, seeing.eyes):
        eye.put(flat_frame(sid=f"TR_{source}", source=source, taken_at=taken_at))


async def steps() -> None:
    """Let every task that can go on do so, until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_eye_shows_one_picture(clock: Clock) -> None:
    """With its source, and nothing that is missing."""
    seeing = sight(clock, "auto", CAMERA)
    show(seeing, "camera")
    clock.now += 1.5
    look = await seeing.look()
    assert isinstance(look, View)
    [shot] = look.shots
    assert (look.source, look.missing, look.waited_ms, shot.age_ms) == ("camera", (), 0, 1500)


async def test_two_eyes_show_the_screen_first(clock: Clock) -> None:
    """However their frames came."""
    for first, second in itertools.permutations(["camera", "screen"]):
        seeing = sight(clock, "both", SCREEN, CAMERA)
        show(seeing, first, second)  # type: ignore[arg-type]
        look = await seeing.look()
        assert isinstance(look, View)
        assert [shot.source for shot in look.shots] == ["screen", "camera"]
        assert (look.source, look.missing) == ("both", ())


@pytest.mark.parametrize(
    ("choices", "frames", "shown", "missing"),
    [
        pytest.param((SCREEN, CAMERA_MUTED), ["screen"], ["screen"], [Blind("muted", "camera")], id="camera muted"),
        pytest.param((SCREEN_MUTED, CAMERA), ["camera"], ["camera"], [Blind("muted", "screen")], id="screen muted"),
        pytest.param((SCREEN, CAMERA), ["camera"], ["camera"], [Blind("starting", "screen")], id="screen starting"),
        pytest.param((SCREEN, NOTHING), ["screen"], ["screen"], [], id="no camera: nothing is missing"),
        pytest.param((NOTHING, CAMERA), ["camera"], ["camera"], [], id="no screen: nothing is missing"),
    ],
)
async def test_of_two_the_one_that_can_be_seen_is_shown(
    clock: Clock, choices: tuple[Choice, Choice], frames: list[Source], shown: list[Source], missing: list[Blind]
) -> None:
    """What is shared and can't be seen is told beside it; what is not shared is not missed."""
    seeing = sight(clock, "both", *choices)
    show(seeing, *frames)
    look = await seeing.look()
    assert isinstance(look, View)
    assert [shot.source for shot in look.shots] == shown
    assert list(look.missing) == missing
    assert look.source == shown[0]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param((NOTHING, NOTHING), Blind("none", None), id="nothing shared: both are denied"),
        pytest.param((SCREEN_MUTED, CAMERA_MUTED), Blind("muted", "screen"), id="both muted: the screen is named"),
        pytest.param((NOTHING, CAMERA_MUTED), Blind("muted", "camera"), id="what is shared tells more"),
        pytest.param((SCREEN_MUTED, NOTHING), Blind("muted", "screen"), id="what is shared tells more, screen"),
    ],
)
async def test_two_eyes_that_can_not_see_anything_do_not_wait(
    clock: Clock, choices: tuple[Choice, Choice], expected: Blind
) -> None:
    """The reason is known at once: with a timeout of five seconds the answer comes in one step."""
    seeing = sight(clock, "both", *choices, look_timeout_ms=5000)
    async with asyncio.timeout(1):
        assert await seeing.look() == expected


async def test_two_eyes_wait_together_and_not_one_after_the_other(clock: Clock) -> None:
    """The view has waited as long as its slowest picture."""
    seeing = sight(clock, "both", SCREEN, CAMERA, look_timeout_ms=5000)
    looking = asyncio.create_task(seeing.look())
    await steps()
    clock.now += 0.1
    show(seeing, "camera", taken_at=clock.now)
    await steps()
    clock.now += 0.2
    show(seeing, "screen", taken_at=clock.now)
    async with asyncio.timeout(10):
        look = await looking
    assert isinstance(look, View)
    assert [shot.waited_ms for shot in look.shots] == [pytest.approx(300), pytest.approx(100)]
    assert look.waited_ms == pytest.approx(300)


async def test_view_is_as_old_as_its_oldest_picture(clock: Clock) -> None:
    """A reply's tool calls are shown the whole view again, or look anew."""
    seeing = sight(clock, "both", SCREEN, CAMERA)
    show(seeing, "screen", taken_at=clock.now - 1.5)
    show(seeing, "camera", taken_at=clock.now)
    look = await seeing.look()
    assert isinstance(look, View)
    screen, camera = look.shots
    assert look.taken_at == screen.taken_at
    assert camera.taken_at - screen.taken_at == pytest.approx(1.5, abs=0.2)


def test_waiting_in_vain_for_one_counts_for_the_view() -> None:
    """The request was held up by it, whatever it shows."""
    shown = view("a picture")
    assert View(shown.shots, (Blind("late", "camera", 400.0),)).waited_ms == 400


async def test_looks_at_the_same_time_share_the_encode_of_each_eye(clock: Clock) -> None:
    """Two requests, two pictures, two encodes."""
    seeing = sight(clock, "both", SCREEN, CAMERA)
    show(seeing, "screen", "camera")
    first, second = await asyncio.gather(seeing.look(), seeing.look())
    assert isinstance(first, View)
    assert isinstance(second, View)
    assert all(one.image is other.image for one, other in zip(first.shots, second.shots, strict=True))
    assert [shot.encode_ms == 0 for shot in (*first.shots, *second.shots)].count(False) == 2


@pytest.mark.parametrize(
    ("choices", "frames", "age_s", "status"),
    [
        pytest.param((SCREEN, CAMERA), ["screen", "camera"], 0.0, "both", id="both seen"),
        pytest.param((SCREEN, CAMERA), [], 0.0, "both", id="both starting"),
        pytest.param((SCREEN, CAMERA), ["screen", "camera"], 2.1, "stale", id="both stalled"),
        pytest.param((SCREEN, CAMERA_MUTED), ["screen"], 0.0, "screen", id="camera muted"),
        pytest.param((SCREEN_MUTED, CAMERA), ["camera"], 0.0, "camera", id="screen muted"),
        pytest.param((SCREEN, NOTHING), ["screen"], 0.0, "screen", id="screen only"),
        pytest.param((NOTHING, CAMERA), ["camera"], 0.0, "camera", id="camera only"),
        pytest.param((NOTHING, CAMERA), ["camera"], 2.1, "stale", id="camera only, stalled"),
        pytest.param((SCREEN_MUTED, CAMERA_MUTED), [], 0.0, "muted", id="both muted"),
        pytest.param((NOTHING, CAMERA_MUTED), [], 0.0, "muted", id="camera only, muted"),
        pytest.param((NOTHING, NOTHING), [], 0.0, "none", id="nothing shared"),
    ],
)
def test_status_of_two_eyes(
    clock: Clock, choices: tuple[Choice, Choice], frames: list[Source], age_s: float, status: str
) -> None:
    """What is seen, else why it is not; `none` only when nothing is shared."""
    seeing = sight(clock, "both", *choices)
    show(seeing, *frames)
    clock.now += age_s
    assert seeing.status() == status


def test_status_of_one_stalled_and_one_seen_is_what_is_seen(clock: Clock) -> None:
    """The attribute tells what the model is shown."""
    seeing = sight(clock, "both", SCREEN, CAMERA)
    show(seeing, "screen", "camera")
    clock.now += 2.1
    show(seeing, "camera", taken_at=clock.now)
    assert seeing.status() == "camera"


def test_status_of_one_eye_is_its_own(clock: Clock) -> None:
    """Without a second one there is nothing to weigh."""
    seeing = sight(clock, "auto", NOTHING)
    states = []
    for choice in (NOTHING, CAMERA, CAMERA_MUTED, SCREEN):
        seeing.eyes[0].choose(choice)
        states.append(seeing.status())
    clock.now += 2.1
    assert [*states, seeing.status()] == ["none", "camera", "muted", "screen", "stale"]


@pytest.mark.parametrize("source", ["camera", "screen"])
async def test_only_source_that_counts_is_named_when_it_is_not_shared(clock: Clock, source: VisionSource) -> None:
    """The model must not deny the other one, which the caller may well share."""
    assert await sight(clock, source, NOTHING).look() == Blind("none", source, 0)  # type: ignore[arg-type]


async def test_zoom_shows_that_part_of_each_picture(clock: Clock) -> None:
    """Of two pictures nobody says which one is meant."""
    seeing = sight(clock, "both", SCREEN, CAMERA)
    show(seeing, "screen", "camera")
    await seeing.look()
    look = await seeing.zoom("top left")
    assert isinstance(look, View)
    assert [(shot.source, shot.part) for shot in look.shots] == [("screen", "top left"), ("camera", "top left")]
    seeing.eyes[1].choose(CAMERA_MUTED)
    look = await seeing.zoom("top left")
    assert isinstance(look, View)
    assert ([shot.source for shot in look.shots], look.missing) == (["screen"], (Blind("muted", "camera"),))
    seeing.eyes[0].choose(SCREEN_MUTED)
    assert await seeing.zoom("top left") == Blind("muted", "screen")


async def test_screen_share_is_sent_larger_than_a_camera_beside_it(clock: Clock) -> None:
    """Each picture has the size of its own source."""
    seeing = sight(clock, "both", SCREEN, CAMERA)
    for eye, source in zip(seeing.eyes, ("screen", "camera"), strict=True):
        eye.put(flat_frame(width=1920, height=1080, sid=f"TR_{source}", source=source))  # type: ignore[arg-type]
    look = await seeing.look()
    assert isinstance(look, View)
    assert [pixels(shot.image.data).shape[1] for shot in look.shots] == [1920, 1024]


def test_attention_adapts_unless_it_is_to_be_always_there(clock: Clock) -> None:
    """The default receives what a turn may need, and no more."""
    assert isinstance(LiveSight(VisionSettings(), clock=clock).attention, Adaptive)
    assert type(LiveSight(VisionSettings(attention="always"), clock=clock).attention) is Attention


async def test_look_brings_frames_back_before_it_waits_for_one(clock: Clock) -> None:
    """The request is told to the attention first, so that who is called then sees that it matters."""
    settings = VisionSettings(attention="adaptive", look_timeout_ms=0)
    seeing = LiveSight(settings, clock=clock)
    seeing.attention.agent("listening")
    seeing.attention.seen()
    clock.now += 10
    mattered = [seeing.attention.watching()]
    seeing.on_look = lambda: mattered.append(seeing.attention.watching())
    await seeing.look()
    assert mattered == [False, True]


async def test_sight_that_is_off_says_so() -> None:
    """No frame, no wait, no reason to apologise for."""
    assert await NoSight().look() == Blind("off")
    assert await NoSight().zoom("top") == Blind("off")
    assert NoSight().status() == "off"
