"""Takes pictures from the byte stream `images`, checks them and tells the sender what became of each."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import structlog
from livekit import rtc

from agent.errors import UploadError
from agent.ops import metrics
from agent.uploads.decoder import Decoder, Picture
from agent.uploads.incoming import Incoming
from agent.uploads.quota import Quota
from agent.uploads.status import Receipt, Status, accepted, rejected, tell
from config.uploads import UploadSettings

log = structlog.stdlib.get_logger(__name__)

TOPIC = "images"
_MAX_CAPTION = 1000
_MAX_NAME = 200
_MAX_RECEIPTS = 100
"""Pictures whose senders can still be told that the model refused them: more than requests under way carry."""
_JOINERS = "\u200c\u200d"
"""Characters that are not printable, but belong to words and emoji."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A verified picture and what its sender said about it.

    Attributes:
        key: Names it in this call.
        sender: The participant's identity.
        picture: The clean picture.
        caption: The sender's words, possibly empty.
        reply: Whether the agent should answer at once.
        followed_by: Set when the newest upload of this sender is settled; `None` if that is this one.
    """

    key: str
    sender: str
    picture: Picture
    caption: str
    reply: bool
    followed_by: asyncio.Event | None = None


class UploadIntake:
    """Registered once per room, before it is joined, so that nothing early is lost; `aclose` undoes it.

    Uploads are read side by side and delivered, for each sender, in the order in which they were begun.
    """

    def __init__(
        self,
        room: rtc.Room,
        settings: UploadSettings,
        decoder: Decoder,
        *,
        permit: Callable[[str], Awaitable[None]],
        deliver: Callable[[Upload], Awaitable[None]],
    ):
        """`permit` raises `UploadError` for a sender who may not upload, once that is known."""
        self._room = room
        self._settings = settings
        self._decoder = decoder
        self._permit = permit
        self._deliver = deliver
        self._quota = Quota(settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Event] = {}
        self._keys = count(1)
        self._delivered: OrderedDict[str, Receipt] = OrderedDict()

    def register(self) -> None:
        """Start to take uploads."""
        self._room.register_byte_stream_handler(TOPIC, self._on_stream)

    async def aclose(self) -> None:
        """Stop, and drop what is still under way."""
        self._room.unregister_byte_stream_handler(TOPIC)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._decoder.aclose()

    def refused_by_model(self, keys: Sequence[str]) -> None:
        """Tell the senders of pictures that a request carried that the model's provider would not take it."""
        message = "The model could not take a request with this picture; it is no longer in the conversation."
        for key in keys:
            receipt = self._delivered.pop(key, None)
            if receipt is not None:
                self._spawn(self._refuse(receipt, UploadError("model_refused", message), 0))

    def _on_stream(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        # The handler is called synchronously: an async one would never be awaited.
        receipt = Receipt(sender, reader.info.stream_id, reader.info.name[:_MAX_NAME])
        try:
            self._quota.begin(sender)
        except UploadError as error:
            reader.close()  # without this a refused stream goes on filling its queue
            self._spawn(self._refuse(receipt, error, 0))
            return
        before, settled = self._last.get(sender), asyncio.Event()
        self._last[sender] = settled
        task = self._spawn(self._take(reader, receipt, before, settled))
        task.add_done_callback(lambda _: self._over(sender, settled, reader))

    def _over(self, sender: str, settled: asyncio.Event, reader: rtc.ByteStreamReader) -> None:
        reader.close()  # closed long ago, but for one whose task was cancelled before it began
        settled.set()
        self._quota.end(sender)
        if self._last.get(sender) is settled:
            del self._last[sender]

    async def _take(
        self, reader: rtc.ByteStreamReader, receipt: Receipt, before: asyncio.Event | None, settled: asyncio.Event
    ) -> None:
        incoming = Incoming(reader.info.size, self._settings, self._quota)
        size = 0
        try:
            try:
                await self._read(reader, incoming, receipt)
                read_at = time.monotonic()
                picture = await self._decoder.clean([incoming.data])
            finally:
                size = len(incoming.data)
                incoming.release()
                reader.close()
            status = await self._give(reader.info.attributes or {}, receipt, picture, before, settled)
        except UploadError as error:
            self._spawn(self._refuse(receipt, error, size))
        except Exception:
            log.exception("upload_failed", sender=receipt.sender, bytes=size)
            failed = UploadError("failed", "The picture could not be taken in.")
            self._spawn(self._refuse(receipt, failed, size))
        else:
            metrics.uploaded()
            log.info(
                "upload_accepted",
                sender=receipt.sender,
                kind=picture.kind,
                bytes=size,
                sent_bytes=status.bytes,
                accepted_ms=round(1000 * (time.monotonic() - read_at)),
            )
            self._spawn(tell(self._room, receipt, status))
        # Not when its sender has been told, which may take long; and a refused one no sooner than those before it.
        if before is not None:
            await before.wait()
        settled.set()

    async def _read(self, reader: rtc.ByteStreamReader, incoming: Incoming, receipt: Receipt) -> None:
        permission = asyncio.create_task(self._permitted(receipt.sender))
        try:
            await incoming.read(aiter(reader), permission)
        except rtc.StreamError as error:
            raise UploadError("aborted", f"The upload was broken off after {len(incoming.data):,} bytes.") from error
        finally:
            permission.cancel()
            await asyncio.gather(permission, return_exceptions=True)

    async def _permitted(self, sender: str) -> None:
        await self._permit(sender)
        self._spawn(self._warm())  # while the bytes are on their way; for a stranger's nothing is started

    async def _warm(self) -> None:
        with suppress(UploadError):  # whoever wants a picture read will be told
            await self._decoder.warm()

    async def _give(
        self,
        attributes: dict[str, str],
        receipt: Receipt,
        picture: Picture,
        before: asyncio.Event | None,
        settled: asyncio.Event,
    ) -> Status:
        """Put the picture into the conversation, when it is its turn."""
        if before is not None:
            with self._quota.holding(len(picture.image.data) + len(picture.image.data_url)):
                await before.wait()
        self._quota.take()
        key = str(next(self._keys))
        caption = one_line(attributes.get("caption", "")[:_MAX_CAPTION])
        reply = attributes.get("reply", "").lower() == "true"
        self._delivered[key] = receipt
        while len(self._delivered) > _MAX_RECEIPTS:
            self._delivered.popitem(last=False)
        newest = self._last.get(receipt.sender)
        followed_by = None if newest is settled else newest
        await self._deliver(Upload(key, receipt.sender, picture, caption, reply, followed_by))
        return accepted(width=picture.image.width, height=picture.image.height, size=len(picture.image.data))

    async def _refuse(self, receipt: Receipt, error: UploadError, size: int) -> None:
        metrics.uploaded(error.code)
        if self._quota.may_tell(receipt.sender):
            log.info("upload_rejected", code=error.code, sender=receipt.sender, bytes=size)
            await tell(self._room, receipt, rejected(error.code, str(error), size))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def one_line(text: str) -> str:
    """The words without control characters and square brackets, which tell the model facts about the call."""
    words = text.replace("[", "(").replace("]", ")")
    return " ".join("".join(char if char.isprintable() or char in _JOINERS else " " for char in words).split())
