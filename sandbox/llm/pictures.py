"""Image URLs in a model request, checked the way a provider checks them: by decoding every pixel."""

import base64
import binascii
import hashlib
import io
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image

from sandbox.control.entries import SeenImage

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_CHECKED = 2_000

_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,", re.ASCII)


class InvalidImage(ValueError):  # noqa: N818  # says what it is
    """An image that the provider would refuse; the message says why."""


@dataclass(frozen=True)
class Picture:
    """An image that was found to be whole."""

    seen: SeenImage
    data: bytes


class Pictures:
    """Checks image URLs; safe to use from several threads."""

    def __init__(self) -> None:
        # History is sent again with every request: what was decoded once is known by its hash.
        # Drops the oldest, which is then simply decoded again.
        self._sizes: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, url: str, detail: str) -> Picture:
        """The picture in a data URL.

        Raises:
            InvalidImage: Not a data URL, of another type than it says, too large, truncated or undecodable.
        """
        return self.check_file(*split_data_url(url), detail)

    def check_file(self, mime: str, data: bytes, detail: str = "") -> Picture:
        """The picture in a file of this type.

        Raises:
            InvalidImage: Of another type than it says, too large, truncated or undecodable.
        """
        if len(data) > MAX_IMAGE_BYTES:
            raise InvalidImage(f"The image has {len(data):,} bytes, at most {MAX_IMAGE_BYTES:,}.")
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            size = self._sizes.get((sha256, mime))
        if size is None:
            size = decode(data, mime)
            with self._lock:
                self._sizes[sha256, mime] = size
                while len(self._sizes) > MAX_CHECKED:
                    self._sizes.popitem(last=False)
        return Picture(SeenImage(sha256, len(data), *size, mime, detail), data)


def split_data_url(url: str) -> tuple[str, bytes]:
    """Type and bytes of a base64 data URL.

    Raises:
        InvalidImage: It is something else.
    """
    if url.startswith(("http://", "https://")):
        raise InvalidImage("The sandbox fetches nothing: send the image as a data URL.")
    match = _DATA_URL.match(url)
    if match is None:
        raise InvalidImage(f"Expected a base64 data URL, found {url[:40]!r}.")
    try:
        data = base64.b64decode(url[match.end() :], validate=True)
    except binascii.Error as error:
        raise InvalidImage(f"The image is not valid base64: {error}.") from error
    return match[1].lower(), data


def decode(data: bytes, mime: str) -> tuple[int, int]:
    """Width and height of an image, after decoding all of it.

    Raises:
        InvalidImage: It is not of type `mime`, too large, truncated or undecodable.
    """
    if mime not in FORMATS:
        raise InvalidImage(f"The image type is {mime}, supported are {', '.join(FORMATS)}.")
    try:
        with Image.open(io.BytesIO(data), formats=list(FORMATS.values())) as image:
            if image.format != FORMATS[mime]:
                raise InvalidImage(f"The image was sent as {mime}, but its bytes are {image.format}.")
            if image.width * image.height > MAX_PIXELS:
                raise InvalidImage(
                    f"The image has {image.width} x {image.height} pixels, at most {MAX_PIXELS:,} in all."
                )
            image.load()
            return image.size
    # Pillow reports broken files by any of these, depending on the format and the place.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidImage):
            raise
        raise InvalidImage(f"The image cannot be decoded: {error}.") from error
