"""What the scripted caller shows, and the stamps that tell when it was drawn."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from sandbox.caller.camera import Painter
from sandbox.caller.scenes import Counter, Pixels, Qr, Sign, Video, read_stamp, scene, usual_size
from sandbox.caller.stamp import decode, encode, resolve

NOW = 1_800_000_000.123


def through_jpeg(picture: Pixels, width: int, height: int, quality: int = 75) -> Pixels:
    """What is left of a picture after scaling and compression."""
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("size", [(1024, 576), (640, 360), (320, 180)])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_stamp_survives_scaling_compression_and_turning(size: tuple[int, int], quarter_turns: int) -> None:
    """Ten random moments each come back to the millisecond."""
    moments = random.Random(quarter_turns)
    counter = Counter()
    for _ in range(10):
        now = round(NOW + moments.uniform(0, 1e7), 3)
        turned = np.rot90(through_jpeg(counter.frame(now), *size, quality=50), quarter_turns)
        assert read_stamp(turned, near=now + moments.uniform(-1e6, 1e6)) == pytest.approx(now, abs=1e-6)


def test_picture_without_stamp_has_none() -> None:
    """Plain, written and random pictures are not taken for a stamp."""
    noise = np.random.default_rng(0).integers(0, 2, (40, 40, 1), np.uint8)
    blocks = np.kron(noise, np.full((18, 32, 3), 255, np.uint8))
    for picture in (scene("colour:black").frame(NOW), Sign("OPEN AT NINE").frame(NOW), blocks, blocks[:2, :2]):
        assert read_stamp(picture) is None


def test_stamp_with_one_wrong_block_is_refused() -> None:
    """The checksum holds for no single error."""
    bits = encode(NOW)
    assert decode(bits) is not None
    for position in range(bits.size):
        wrong = bits.copy()
        wrong[position] ^= 1
        assert decode(wrong) is None


def test_stamp_is_resolved_across_its_period() -> None:
    """A moment just before the milliseconds start anew is told apart from one just after."""
    turn_of_period = 2**32 * 400 / 1000
    assert resolve(2**32 - 1, turn_of_period + 5) == pytest.approx(turn_of_period - 0.001)
    assert resolve(1, turn_of_period - 5) == pytest.approx(turn_of_period + 0.001)


def test_counter_counts_seconds() -> None:
    """The number is the second, modulo 10,000, and the picture changes with it."""
    assert Counter.number(12_345.9) == 2_345
    counter = Counter()
    first = counter.frame(NOW).copy()
    assert not np.array_equal(first[:400], counter.frame(NOW + 1)[:400])


def test_qr_code_reads_back() -> None:
    """A QR scene holds its text."""
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(Qr("https://example.org/7").frame(NOW))
    assert text == "https://example.org/7"


def test_small_print_is_only_in_its_quarter() -> None:
    """Words of a few pixels' height in the middle of the top right quarter, which shows nothing else."""
    assert usual_size("small:4711") == (1920, 1080)
    frame = scene("small:4711", *usual_size("small:4711")).frame(NOW)
    inked = np.argwhere(frame[:540, 960:].min(axis=2) < 200)
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0)
    assert bottom - top < 10
    assert abs((top + bottom) / 2 - 270) < 5
    assert abs((left + right) / 2 - 480) < 5
    assert frame[540:].min() == 0
    assert frame[:540, :960].min() == 255


def test_picture_file_is_shown_whole(tmp_path: Path) -> None:
    """A square picture lies in the middle of a wide frame, on black."""
    cv2.imwrite(str(tmp_path / "red.png"), np.full((50, 50, 3), (0, 0, 255), np.uint8))
    frame = scene(f"file:{tmp_path / 'red.png'}", 320, 180).frame(NOW)
    assert frame.shape == (180, 320, 3)
    assert frame[90, 160].tolist() == [255, 0, 0]
    assert frame[90, 10].tolist() == [0, 0, 0]


def test_video_runs_at_its_own_speed_and_loops(tmp_path: Path) -> None:
    """Three frames of 1/10 s each, over and over, whatever rate it is asked at."""
    path = tmp_path / "grey.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in (20, 120, 220):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    video = Video(path, 64, 48)
    seen = [round(float(video.frame(NOW + after_s).mean()), -1) for after_s in (0, 0.05, 0.15, 0.25, 0.35, 0.45)]
    assert seen == [20, 20, 120, 220, 20, 120]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("", "scene '', allowed: sign:TEXT, small:WORDS, counter"),
        ("small:", "scene 'small:', allowed"),
        (f"small:{'X' * 200}", "small print of 1"),
        ("sign:", "scene 'sign:', allowed"),
        ("dog:rex", "scene 'dog:rex', allowed"),
        ("colour:reddish", "colour 'reddish', allowed: a CSS colour name"),
        ("file:/no/such.png", "picture '/no/such.png': "),
        ("file:/no/such.mp4", "video '/no/such.mp4' has no readable frame"),
    ],
)
def test_bad_scene_is_named(spec: str, problem: str) -> None:
    """The message has what was found and what is allowed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is checked below
        scene(spec)
    assert problem in str(caught.value)


def test_painter_refuses_odd_sizes() -> None:
    """I420 has no half pixels."""
    with pytest.raises(ValueError, match="641x360 pixels, width and height must be even"):
        Painter(Sign("HELLO", 641, 360)).paint(NOW)


def test_painter_converts_colours() -> None:
    """White is 235 and grey chroma is 128: BT.601, limited range."""
    frame = Painter(scene("colour:white", 64, 32)).paint(NOW)
    planes = np.frombuffer(frame.data, np.uint8)
    assert (frame.width, frame.height) == (64, 32)
    assert planes[0] == 235
    assert planes[-1] == 128
