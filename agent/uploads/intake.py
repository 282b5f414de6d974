"""Takes pictures from the byte stream `images`, checks them and tells the sender what became of each."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from livekit import rtc

from agent.errors import UploadCode, UploadError
from agent.uploads.image import Picture, clean
from config.groups import UploadSettings

log = structlog.stdlib.get_logger(__name__)

TOPIC = "images"
STATUS_TOPIC = "images.status"
_MAX_CAPTION = 1000
_MAX_NAME = 200
_MAX_AT_ONCE = 8
"""Uploads under way; each may hold as many bytes as its limit allows."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A verified picture and what its sender said about it.

    Attributes:
        stream_id: The byte stream's id, as the sender knows it.
        picture: The clean picture.
        caption: The sender's words, possibly empty.
        reply: Whether the agent should answer at once.
    """

    stream_id: str
    picture: Picture
    caption: str
    reply: bool


class UploadIntake:
    """Registered once per room, before it is joined, so that nothing early is lost; `aclose` undoes it.

    Uploads are read side by side, a few at once, but checked and delivered one at a time, in the order in which they
    are complete.
    """

    def __init__(
        self,
        room: rtc.Room,
        settings: UploadSettings,
        *,
        allowed: Callable[[str], Awaitable[bool]],
        deliver: Callable[[Upload], Awaitable[None]],
    ):
        self._room = room
        self._settings = settings
        self._allowed = allowed
        self._deliver = deliver
        self._tasks: set[asyncio.Task[None]] = set()
        self._order = asyncio.Lock()

    def register(self) -> None:
        """Start to take uploads."""
        self._room.register_byte_stream_handler(TOPIC, self._on_stream)

    async def aclose(self) -> None:
        """Stop, and drop what is still under way."""
        self._room.unregister_byte_stream_handler(TOPIC)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_stream(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        # The handler is called synchronously: an async one would never be awaited.
        task = asyncio.create_task(self._take(reader, sender, busy=len(self._tasks) >= _MAX_AT_ONCE))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reader: rtc.ByteStreamReader, sender: str, *, busy: bool) -> None:
        info = reader.info
        attributes = info.attributes or {}
        size = 0
        try:
            data = await self._read(reader, sender, busy=busy)
            size = len(data)
            async with self._order:
                picture = await asyncio.to_thread(self._clean, data)
                await self._deliver(
                    Upload(
                        stream_id=info.stream_id,
                        picture=picture,
                        caption=attributes.get("caption", "")[:_MAX_CAPTION],
                        reply=attributes.get("reply", "").lower() == "true",
                    )
                )
        except UploadError as error:
            log.info("upload_rejected", code=error.code, sender=sender, bytes=size, stream_id=info.stream_id)
            await self._tell(sender, info, size, code=error.code, message=str(error))
        except Exception:
            log.exception("upload_failed", sender=sender, bytes=size, stream_id=info.stream_id)
            await self._tell(sender, info, size, code="failed", message="The picture could not be taken in.")
        else:
            jpeg = picture.image
            log.info("upload_accepted", sender=sender, bytes=size, format=picture.format, stream_id=info.stream_id)
            await self._tell(sender, info, len(jpeg.data), width=jpeg.width, height=jpeg.height)
        finally:
            # Without this a refused stream goes on filling its queue.
            reader.close()

    def _clean(self, data: bytes) -> Picture:
        limits = self._settings
        picture = clean(data, max_pixels=limits.max_pixels, max_width=limits.max_width, max_height=limits.max_height)
        _ = picture.image.data_url  # made here, in the thread, and kept
        return picture

    async def _read(self, reader: rtc.ByteStreamReader, sender: str, *, busy: bool) -> bytes:
        """All bytes of the stream, within the limits that hold while it runs.

        Raises:
            UploadError: `busy`, `not_allowed`, `too_large`, `timeout` or `aborted`.
        """
        if busy:
            raise UploadError("busy", f"{_MAX_AT_ONCE} uploads are under way already; try again in a moment.")
        limit = self._settings.max_bytes
        declared = reader.info.size
        if declared and declared > limit:
            raise UploadError("too_large", f"The picture has {declared:,} bytes, at most {limit:,}.")
        data = bytearray()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                if not await self._allowed(sender):
                    raise UploadError("not_allowed", "Only the caller of this agent may upload pictures.")
                async for chunk in reader:
                    data += chunk
                    if len(data) > limit:
                        raise UploadError("too_large", f"The picture has over {limit:,} bytes, which is the limit.")
        except rtc.StreamError as error:
            raise UploadError("aborted", f"The upload was broken off after {len(data):,} bytes.") from error
        except TimeoutError:
            raise UploadError(
                "timeout", f"The upload took over {self._settings.timeout_s:g} seconds, which is the limit."
            ) from None
        # Some clients' aborts end like a finished stream, so the size tells. An undeclared size reads as 0.
        if declared and len(data) < declared:
            raise UploadError("aborted", f"The upload ended after {len(data):,} of {declared:,} bytes.")
        return bytes(data)

    async def _tell(
        self,
        sender: str,
        info: rtc.ByteStreamInfo,
        size: int,
        *,
        code: UploadCode | None = None,
        message: str = "",
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        """Send `images.status` to the sender."""
        status = {
            "stream_id": info.stream_id,
            "name": info.name[:_MAX_NAME],
            "status": "rejected" if code else "accepted",
            "code": code,
            "message": message or "The picture is in the conversation.",
            "width": width,
            "height": height,
            "bytes": size,
        }
        # Not asked whether the sender is here: who publishes nothing is announced seconds after they may send.
        await self._room.local_participant.send_text(
            json.dumps(status), topic=STATUS_TOPIC, destination_identities=[sender]
        )
