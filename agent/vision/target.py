"""What a picture is made into for the model: its box, its file format and its largest size."""

from dataclasses import dataclass

from agent.vision.track import Source
from config.vision import PictureFormat, Resize, VisionSettings


@dataclass(frozen=True, slots=True)
class Target:
    """How a picture is to be encoded.

    Attributes:
        max_width: Pixels of the upright picture.
        max_height: Pixels of the upright picture.
        resize: How it is brought into that box; nothing is ever enlarged.
        format: Of the file.
        quality: 1 to 100, of a JPEG or WebP.
        max_bytes: Of the file.
    """

    max_width: int
    max_height: int
    resize: Resize
    format: PictureFormat
    quality: int
    max_bytes: int


def target_for(settings: VisionSettings, source: Source) -> Target:
    """The target of a source: a screen share has a size and a quality of its own."""
    screen = source == "screen"
    return Target(
        max_width=settings.screen_max_width if screen else settings.max_width,
        max_height=settings.screen_max_height if screen else settings.max_height,
        resize=settings.resize,
        format=settings.format,
        quality=settings.screen_quality if screen else settings.quality,
        max_bytes=settings.max_bytes,
    )
