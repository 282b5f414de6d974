"""Every request that was made, and the images in them, for as long as there is room."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.control.entries import Entry, Provider, Status, Vendor

MAX_ENTRIES = 2_000
MAX_IMAGES = 512
MAX_IMAGE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class StoredImage:
    """The very bytes of an image, with the type that the request gave it."""

    data: bytes
    mime: str


class Record:
    """A bounded memory of requests. Drops the oldest: tests and people ask about what just happened."""

    def __init__(self, *, clock: Callable[[], float] = time.time, max_image_bytes: int = MAX_IMAGE_BYTES) -> None:
        """Start empty.

        Args:
            clock: Unix seconds.
            max_image_bytes: Images beyond this total push the oldest out.
        """
        self.now = clock
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._images: OrderedDict[str, StoredImage] = OrderedDict()
        self._image_bytes = 0
        self._max_image_bytes = max_image_bytes
        self._last_id = 0

    def open(self, provider: Provider, *, model: str = "", vendor: Vendor = "") -> Entry:
        """Begin a request; ids rise by one across all providers and never start again."""
        self._last_id += 1
        entry = Entry(self._last_id, provider, self.now(), vendor, model=model)
        self._entries.append(entry)
        return entry

    def first_byte(self, entry: Entry) -> None:
        """Note the first byte of the answer; later calls change nothing."""
        if entry.first_byte is None:
            entry.first_byte = self.now()

    def close(self, entry: Entry, status: Status, error: str | None = None) -> None:
        """End a request; the first end counts."""
        if entry.status == "open":
            entry.status, entry.error, entry.finished = status, error, self.now()

    @contextmanager
    def keeping(self, entry: Entry) -> Iterator[None]:
        """End `entry` with the block: `ok`, or `cancelled` when the client went away in between."""
        try:
            yield
        except Exception as error:
            self.close(entry, "cancelled" if isinstance(error, ConnectionError) else "error", str(error))
            raise
        else:
            self.close(entry, "ok")
        finally:
            # Only a cancelled task leaves the entry open until here: that is how a lost client shows.
            self.close(entry, "cancelled", "the client went away")

    def entries(self, provider: Provider | None = None, since: int = 0) -> list[Entry]:
        """Requests with an id above `since`, oldest first."""
        return [e for e in self._entries if e.id > since and provider in (None, e.provider)]

    def keep_image(self, sha256: str, data: bytes, mime: str) -> None:
        """Remember an image by its hash."""
        if sha256 in self._images:
            self._images.move_to_end(sha256)
            return
        self._images[sha256] = StoredImage(data, mime)
        self._image_bytes += len(data)
        while len(self._images) > MAX_IMAGES or self._image_bytes > self._max_image_bytes:
            _, dropped = self._images.popitem(last=False)
            self._image_bytes -= len(dropped.data)

    def image(self, sha256: str) -> StoredImage | None:
        """The image with that hash, if it is still remembered."""
        return self._images.get(sha256)

    def clear(self) -> None:
        """Forget everything; ids go on rising."""
        self._entries.clear()
        self._images.clear()
        self._image_bytes = 0
