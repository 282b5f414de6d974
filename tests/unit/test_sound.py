"""Where sound begins and ends."""

import numpy as np

from sandbox.caller.microphone import FRAME_SAMPLES, framed
from sandbox.caller.sound import Edge, Samples, SoundDetector, rms, voiced_frames

LOUD: Samples = np.full(160, 3000, np.int16)
QUIET: Samples = np.full(160, 20, np.int16)


def detect(frames: str) -> list[Edge]:
    """Feed frames of 10 ms, `#` loud and `.` quiet, and collect what is detected."""
    detector = SoundDetector()
    edges = (detector.push(LOUD if frame == "#" else QUIET, index / 100) for index, frame in enumerate(frames))
    return [edge for edge in edges if edge]


def test_sound_begins_with_its_first_voiced_frame() -> None:
    """It is known one frame later, and dated back; its end is dated back over the silence."""
    assert detect("...." + "#" * 20 + "." * 40) == [Edge(0.04, began=True), Edge(0.23, began=False)]


def test_click_is_no_sound() -> None:
    """A single voiced frame is ignored."""
    assert detect("....#...#....") == []


def test_short_gap_belongs_to_the_sound() -> None:
    """A pause between words ends nothing."""
    assert detect("##" + "." * 25 + "##" + "." * 20) == [Edge(0.0, began=True)]


def test_sound_under_way_ends_with_its_track() -> None:
    """A track that goes away ends its sound at the last voiced frame."""
    detector = SoundDetector()
    for index in range(3):
        detector.push(LOUD, index / 100)
    assert detector.stop() == Edge(0.02, began=False)
    assert detector.stop() is None


def test_silence_around_a_voice_is_left_out() -> None:
    """Frames are counted from zero, and all-silent speech has none."""
    speech = np.concatenate([QUIET, QUIET, LOUD, QUIET, LOUD, QUIET])
    assert voiced_frames(speech, 160) == (2, 4)
    assert voiced_frames(QUIET, 160) is None
    assert rms(QUIET[:0]) == 0.0


def test_speech_is_cut_into_whole_frames() -> None:
    """The last frame is filled with silence."""
    frames = framed(np.full(FRAME_SAMPLES + 1, 7, np.int16).tobytes())
    assert frames.shape == (2, FRAME_SAMPLES)
    assert frames[1].tolist() == [7] + [0] * (FRAME_SAMPLES - 1)
