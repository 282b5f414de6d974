"""Each source is encoded as its settings say."""

import pytest

from agent.vision.target import Target, target_for
from config.vision import VisionSettings


def settings(**values: object) -> VisionSettings:
    """Checked settings of these values, whatever the environment says."""
    return VisionSettings.model_validate(values)


def test_camera_and_screen_have_sizes_and_qualities_of_their_own() -> None:
    """What is enough for a face is too little for small print."""
    chosen = settings(
        max_width=640, max_height=480, quality=60, screen_max_width=1920, screen_max_height=1200, screen_quality=80
    )
    camera, screen = target_for(chosen, "camera"), target_for(chosen, "screen")
    assert (camera.max_width, camera.max_height, camera.quality) == (640, 480, 60)
    assert (screen.max_width, screen.max_height, screen.quality) == (1920, 1200, 80)


@pytest.mark.parametrize("source", ["camera", "screen"])
def test_everything_else_holds_for_both(source: str) -> None:
    """One file format, one way to resize, one limit."""
    chosen = settings(resize="skew", format="webp", max_bytes=123_456)
    target = target_for(chosen, "screen" if source == "screen" else "camera")
    assert (target.resize, target.format, target.max_bytes) == ("skew", "webp", 123_456)


def test_defaults_keep_a_screen_as_large_as_its_small_print_needs() -> None:
    """Twelve-pixel text is lost in a camera's size; `bench/legibility.py` measures where."""
    camera, screen = (target_for(settings(), source) for source in ("camera", "screen"))
    assert camera == Target(1024, 1024, "scale_aspect_fit", "jpeg", 75, 1_000_000)
    assert screen == Target(2560, 2560, "scale_aspect_fit", "jpeg", 75, 1_000_000)
