"""A picture file as the model is sent it."""

import base64
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class EncodedImage:
    """An encoded picture.

    Attributes:
        data: The file.
        mime: Its type, such as `image/jpeg`.
        width: Pixels, upright.
        height: Pixels, upright.
        sha256: Hexadecimal digest of `data`.
    """

    data: bytes
    mime: str
    width: int
    height: int
    sha256: str

    @cached_property
    def data_url(self) -> str:
        """The file as a `data:` URL, made once however many requests carry it."""
        return f"data:{self.mime};base64," + base64.b64encode(self.data).decode("ascii")
