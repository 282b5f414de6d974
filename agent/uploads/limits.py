"""What a picture may be, and what it is made into."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may be, and what it is made into.

    Attributes:
        max_pixels: Of the file, by its header.
        max_width: Pixels of the result, upright.
        max_height: Pixels of the result, upright.
        quality: JPEG quality of the result, 1 to 100.
        max_bytes: Of the result.
    """

    max_pixels: int
    max_width: int
    max_height: int
    quality: int
    max_bytes: int
