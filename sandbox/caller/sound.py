"""Where sound begins and ends, judged by its energy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

VOICED_RMS = 150.0
"""Root mean square of a 10 ms frame, of 32,768, from which it counts as sound: about -47 dB of full scale."""

CLICK_FRAMES = 2
"""Frames in a row that make a sound; a single one is a click."""

QUIET_S = 0.3
"""Silence after which a sound counts as over; shorter gaps are part of speech."""


def rms(samples: Samples) -> float:
    """Give the root mean square of some 16-bit samples; 0 for none."""
    if not samples.size:
        return 0.0
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def voiced_frames(samples: Samples, frame_samples: int) -> tuple[int, int] | None:
    """Give the first and the last frame of a recording that hold sound.

    Args:
        samples: 16-bit, mono; what does not fill a frame at the end counts as one.
        frame_samples: samples in a frame.

    Returns:
        Two indexes, counted from 0, or None where all is silent.
    """
    frames = range(0, samples.size, frame_samples)
    voiced = [index for index, start in enumerate(frames) if rms(samples[start : start + frame_samples]) >= VOICED_RMS]
    return (voiced[0], voiced[-1]) if voiced else None


@dataclass(frozen=True, slots=True)
class Edge:
    """A sound's beginning or end."""

    at: float
    """The time of its first or last voiced frame, in the clock of the frames."""
    began: bool


class SoundDetector:
    """Turns a track's frames into beginnings and ends of sound."""

    def __init__(self) -> None:
        self._run: list[float] = []
        self._last_voiced: float | None = None

    def push(self, samples: Samples, at: float) -> Edge | None:
        """Judge one frame of about 10 ms.

        Args:
            samples: 16-bit, mono.
            at: seconds, when the frame came, in any clock.
        """
        if rms(samples) >= VOICED_RMS:
            return self._heard(at)
        self._run.clear()
        if self._last_voiced is not None and at - self._last_voiced >= QUIET_S:
            return self.stop()
        return None

    def stop(self) -> Edge | None:
        """End the sound that is under way, if one is: the track is gone."""
        self._run.clear()
        last, self._last_voiced = self._last_voiced, None
        return None if last is None else Edge(last, began=False)

    def _heard(self, at: float) -> Edge | None:
        if self._last_voiced is not None:
            self._last_voiced = at
            return None
        self._run.append(at)
        if len(self._run) < CLICK_FRAMES:
            return None
        first = self._run[0]
        self._run.clear()
        self._last_voiced = at
        return Edge(first, began=True)
