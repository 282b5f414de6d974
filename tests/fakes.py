"""Stand-ins behind our own small interfaces, and makers of frames and pictures."""

import base64
import hashlib
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.vision.encoded import EncodedImage
from agent.vision.frame import Frame
from agent.vision.region import Region
from agent.vision.track import Source
from agent.vision.view import Blind, Look, Shot, View
from config.settings import SECTIONS, Settings

REQUIRED: Mapping[str, str] = {
    "LIVEKIT_URL": "ws://127.0.0.1:7880",
    "LIVEKIT_API_KEY": "devkey",
    "LIVEKIT_API_SECRET": "the-secret-of-livekit",
    "DEEPGRAM_API_KEY": "the-secret-of-deepgram",
    "OPENAI_API_KEY": "the-secret-of-openai",
    "CARTESIA_API_KEY": "the-secret-of-cartesia",
}
"""The smallest environment that describes a worker."""


def settings() -> Settings:
    """Default settings, whatever the environment says."""
    services = SECTIONS["services"].model_validate({name.lower(): value for name, value in REQUIRED.items()})
    groups = {name: section.model_construct() for name, section in SECTIONS.items() if name != "services"}
    return Settings(services=services, **groups)  # type: ignore[arg-type]


class Clock:
    """Monotonic seconds that stand still until they are moved."""

    def __init__(self, now: float = 1000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeSight:
    """Shows what `show` or `blind` set; every look is a new moment unless `look` was fixed by them."""

    def __init__(self) -> None:
        self.looks = 0
        self._blind: Blind | None = None
        self._sources: tuple[Source, ...] = ("camera",)
        self._missing: tuple[Blind, ...] = ()

    def show(self, *sources: Source, missing: tuple[Blind, ...] = ()) -> None:
        """From now on each look yields another view of these sources, the camera if none is named."""
        self._sources = sources or ("camera",)
        self._missing = missing
        self._blind = None

    def blind(self, blind: Blind) -> None:
        """From now on there is nothing to see."""
        self._blind = blind

    async def look(self) -> Look:
        """A view that no other look has yielded, or the blindness that was set."""
        self.looks += 1
        at = 1_700_000_000 + self.looks
        return self._blind or self._view(*(view(f"{one} {self.looks}", one, taken_at=at) for one in self._sources))

    async def zoom(self, region: Region) -> Look:
        """One part of a view, or the blindness that was set."""
        self.looks += 1
        return self._blind or self._view(*(view(f"{one} {region}", one, part=region) for one in self._sources))

    def status(self) -> str:
        """As `LiveSight`."""
        return self._blind.reason if self._blind else self._sources[0] if len(self._sources) == 1 else "both"

    def _view(self, *views: View) -> View:
        return View(tuple(shot for one in views for shot in one.shots), self._missing)


def view(
    text: str, source: Source = "camera", *, taken_at: float = 1_700_000_000.0, size: int = 0, part: str = ""
) -> View:
    """A view whose picture is `text` itself, padded to `size` bytes: memory does not look into pictures."""
    shot = Shot(
        image=picture(text, size=size),
        source=source,
        frame_width=1280,
        frame_height=720,
        taken_at=taken_at,
        age_ms=12.3,
        encode_ms=4.56,
        part=part,
    )
    return View((shot,))


def picture(text: str, *, size: int = 0) -> EncodedImage:
    """A picture whose file is `text` itself, padded to `size` bytes."""
    data = text.encode().ljust(size, b".")
    return EncodedImage(data, "image/jpeg", 640, 360, hashlib.sha256(data).hexdigest())


def data_url(text: str) -> str:
    """The address under which a request carries the picture of `view(text)`."""
    return "data:image/jpeg;base64," + base64.b64encode(text.encode()).decode()


def flat_frame(
    *,
    yuv: tuple[int, int, int] = (128, 128, 128),
    width: int = 64,
    height: int = 48,
    rotation: int = 0,
    sid: str = "TR_1",
    source: Source = "camera",
    taken_at: float = 1000.0,
) -> Frame:
    """A frame of one colour."""
    chroma = ((width + 1) // 2) * ((height + 1) // 2)
    planes = [np.full(size, value) for size, value in zip((width * height, chroma, chroma), yuv, strict=True)]
    return Frame(np.concatenate(planes).astype(np.uint8), width, height, rotation, sid, source, taken_at)


def grey_frame(luma: NDArray[np.uint8], *, rotation: int = 0) -> Frame:
    """A frame without colour that has this luma plane (height x width)."""
    height, width = luma.shape
    chroma = np.full(2 * ((width + 1) // 2) * ((height + 1) // 2), 128, dtype=np.uint8)
    return Frame(np.concatenate([luma.reshape(-1), chroma]), width, height, rotation, "TR_1", "camera", 1000.0)


def pixels(jpeg: bytes) -> NDArray[np.int64]:
    """The file's pixels: RGB, height x width x 3, as signed numbers that can be subtracted."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def plain(size: tuple[int, int] = (320, 200), colour: str = "green", file_format: str = "PNG") -> bytes:
    """A picture of one colour as a file."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, file_format)
    return out.getvalue()
