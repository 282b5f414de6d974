"""What is done to frames in a thread, on the way to a picture: taking one of them, encoding it, its fingerprint."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from agent.vision.encode import encode_frame
from agent.vision.encoded import EncodedImage
from agent.vision.fingerprint import fingerprint
from agent.vision.frame import Frame
from agent.vision.region import Region, crop
from agent.vision.sharpness import sharpest
from agent.vision.target import target_for
from agent.vision.track import Source
from config.vision import VisionSettings


@dataclass(frozen=True, slots=True)
class Print:
    """What was made of a frame.

    Attributes:
        frame: The one that was taken.
        image: Its picture.
        encode_ms: Milliseconds all of it took; 0 for who did not have to wait for it.
        fingerprint: Of the frame, see `agent.vision.fingerprint`; empty if none was asked for.
    """

    frame: Frame
    image: EncodedImage
    encode_ms: float
    fingerprint: bytes = b""


class Darkroom:
    """Makes pictures as the settings say. Everything here blocks for some milliseconds, so call it in a thread."""

    def __init__(self, settings: VisionSettings, *, compare: bool = False):
        """Fingerprints are taken if the settings ask for them, or `compare` does."""
        self._settings = settings
        self._fingerprint = fingerprint if compare or settings.skip_unchanged else _no_fingerprint

    def whole(self, frames: Sequence[Frame]) -> Print:
        """The sharpest of these frames, which are of one moment.

        Raises:
            ValueError: As `encode_frame`.
        """
        started = time.perf_counter()
        frame = sharpest(frames)
        image = self._developed(frame, frame.source)
        taken = self._fingerprint(frame)
        return Print(frame, image, (time.perf_counter() - started) * 1000, taken)

    def part(self, frame: Frame, region: Region) -> Print:
        """One part of a frame, in full resolution.

        Raises:
            ValueError: As `encode_frame`.
        """
        started = time.perf_counter()
        # Fitted as a screen share, whatever it is: it was asked for to read small text.
        image = self._developed(crop(frame, region), "screen")
        return Print(frame, image, (time.perf_counter() - started) * 1000)

    def _developed(self, frame: Frame, fitted_as: Source) -> EncodedImage:
        image = encode_frame(frame, target_for(self._settings, fitted_as))
        _ = image.data_url  # made here, in the thread, and kept
        return image


def _no_fingerprint(_: Frame) -> bytes:
    return b""
