"""How large a picture becomes, and what is tried when its file is too large."""

import itertools

import numpy as np
import pytest

from agent.vision.fit import Layout, Rect, layout
from agent.vision.scale import QUALITIES, Step, fit, smaller
from config.vision import Resize

STRATEGIES: tuple[Resize, ...] = (
    "scale_aspect_fit",
    "scale_aspect_cover",
    "center_aspect_fit",
    "center_aspect_cover",
    "skew",
    "none",
)


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((1280, 720), (1024, 1024), (1024, 576)),
        ((720, 1280), (1024, 1024), (576, 1024)),
        ((640, 480), (1024, 1024), (640, 480)),
        ((1024, 1024), (1024, 1024), (1024, 1024)),
        ((1920, 1080), (1920, 100), (178, 100)),
        ((10_000, 16), (1024, 1024), (1024, 2)),
        ((16, 10_000), (1024, 1024), (2, 1024)),
        ((1, 4000), (1024, 1024), (1, 1024)),
    ],
)
def test_fit_keeps_the_shape_inside_the_box(
    size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    """The largest size that fits, never enlarged, never thinner than two pixels that were there."""
    assert fit(*size, *box) == expected


def whole(width: int, height: int, *size: int) -> Layout:
    """The layout that takes everything of a picture, resizes it to `size` and frames it with the rest of `size`."""
    return Layout(Rect(0, 0, width, height), size[0], size[1], size[-2], size[-1])


@pytest.mark.parametrize(
    ("resize", "size", "box", "expected"),
    [
        ("scale_aspect_fit", (1280, 720), (1024, 1024), whole(1280, 720, 1024, 576)),
        ("scale_aspect_fit", (640, 480), (1024, 1024), whole(640, 480, 640, 480)),
        ("scale_aspect_cover", (1280, 720), (512, 512), whole(1280, 720, 910, 512)),
        ("scale_aspect_cover", (1280, 720), (1024, 1024), whole(1280, 720, 1280, 720)),
        ("center_aspect_fit", (1280, 720), (512, 512), whole(1280, 720, 512, 288, 512, 512)),
        ("center_aspect_fit", (640, 480), (1024, 1024), whole(640, 480, 640, 480, 640, 640)),
        ("center_aspect_fit", (480, 640), (1600, 800), whole(480, 640, 480, 640, 1280, 640)),
        ("center_aspect_cover", (1280, 720), (512, 512), Layout(Rect(280, 0, 720, 720), 512, 512, 512, 512)),
        ("center_aspect_cover", (640, 480), (1024, 1024), Layout(Rect(80, 0, 480, 480), 480, 480, 480, 480)),
        ("center_aspect_cover", (640, 480), (1024, 512), Layout(Rect(0, 80, 640, 320), 640, 320, 640, 320)),
        ("center_aspect_cover", (643, 481), (1024, 1024), Layout(Rect(80, 0, 481, 481), 481, 481, 481, 481)),
        ("skew", (1280, 720), (512, 512), whole(1280, 720, 512, 512)),
        ("skew", (1280, 720), (512, 1024), whole(1280, 720, 512, 720)),
        ("skew", (640, 480), (1024, 1024), whole(640, 480, 640, 480)),
        ("none", (4000, 3001), (64, 64), whole(4000, 3001, 4000, 3001)),
    ],
)
def test_strategies_do_what_the_framework_calls_them(
    resize: Resize, size: tuple[int, int], box: tuple[int, int], expected: Layout
) -> None:
    """By name, with the box reduced in its own shape where it would enlarge."""
    assert layout(*size, *box, resize) == expected


@pytest.mark.parametrize("resize", STRATEGIES)
def test_no_strategy_enlarges_or_leaves_the_picture(resize: Resize) -> None:
    """Holds for any picture and box: what is taken lies in the picture, and is never made larger."""
    for width, height, max_width, max_height in np.random.default_rng(1).integers(2, 5000, (1000, 4)).tolist():
        plan = layout(width, height, max_width, max_height, resize)
        part = plan.part
        assert 0 <= part.left <= part.left + part.width <= width
        assert 0 <= part.top <= part.top + part.height <= height
        assert part.left % 2 == part.top % 2 == 0
        assert 1 <= plan.width <= part.width
        assert 1 <= plan.height <= part.height
        assert plan.canvas_width >= plan.width
        assert plan.canvas_height >= plan.height
        if resize not in {"none", "scale_aspect_cover"}:
            assert plan.canvas_width <= max_width
            assert plan.canvas_height <= max_height


@pytest.mark.parametrize(
    "resize", ["scale_aspect_fit", "scale_aspect_cover", "center_aspect_fit", "center_aspect_cover"]
)
def test_shape_is_kept_by_all_but_skew(resize: Resize) -> None:
    """Both edges of what is shown shrink alike, but for rounding."""
    for width, height, max_width, max_height in np.random.default_rng(2).integers(200, 4000, (1000, 4)).tolist():
        plan = layout(width, height, max_width, max_height, resize)
        scale = plan.width / plan.part.width
        assert abs(plan.height - plan.part.height * scale) <= 1 + 0.5 * plan.part.height / plan.part.width


@pytest.mark.parametrize(
    ("step", "size", "expected"),
    [
        (Step(75, 1.0), 110, Step(60, 1.0)),
        (Step(60, 1.0), 110, Step(45, 1.0)),
        (Step(45, 1.0), 110, Step(30, 1.0)),
        (Step(90, 1.0), 301, Step(30, 1.0)),
        (Step(30, 1.0), 101, Step(30, 0.85)),
        (Step(30, 1.0), 200, Step(30, 0.95 * 0.5**0.5)),
        (Step(30, 0.5), 100_000, Step(30, 0.25)),
        (Step(20, 1.0), 101, Step(20, 0.85)),
        (Step(None, 1.0), 101, Step(None, 0.85)),
    ],
)
def test_quality_gives_way_before_size(step: Step, size: int, expected: Step) -> None:
    """The limit is 100 bytes: nearly reached, one quality lower; far off, the lowest at once; then fewer pixels."""
    after = smaller(step, size, 100)
    assert after.quality == expected.quality
    assert after.scale == pytest.approx(expected.scale)


@pytest.mark.parametrize("over", [1.01, 2.0, 10.0, 1000.0])
def test_steps_always_lead_down(over: float) -> None:
    """However stubborn the file, each try is smaller than the one before, and soon there is nothing left to try."""
    steps = [Step(100, 1.0)]
    while steps[-1].scale > 0.01:
        steps.append(smaller(steps[-1], int(10_000 * over), 10_000))
    assert all(b.scale < a.scale or (b.quality or 0) < (a.quality or 0) for a, b in itertools.pairwise(steps))
    assert len(steps) <= len(QUALITIES) + 30
