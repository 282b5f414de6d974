"""Files that stand for a camera and a microphone, as Chromium's fake devices play them."""

import io
import wave
from pathlib import Path

import numpy as np
from PIL import Image

from sandbox.caller.scenes import Scene

_FRAMES = 10


def camera_file(path: Path, scene: Scene) -> Path:
    """Write a still scene as motion JPEG, which the browser plays again and again at 30 frames a second."""
    picture = io.BytesIO()
    Image.fromarray(np.asarray(scene.frame(0.0))).save(picture, "JPEG", quality=92)
    path.write_bytes(picture.getvalue() * _FRAMES)
    return path


def voice_file(path: Path, pcm: bytes, sample_rate: int, *, lead_s: float, rest_s: float = 300.0) -> Path:
    """Write a sentence (s16le, mono) between silences; the browser begins anew at its end, so the second is long."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in (bytes(2 * round(lead_s * sample_rate)), pcm, bytes(2 * round(rest_s * sample_rate))):
            file.writeframes(part)
    return path
