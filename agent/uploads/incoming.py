"""The bytes of one upload as they arrive, within the limits that hold while it runs."""

import asyncio
from collections.abc import AsyncIterator

from agent.errors import UploadError
from agent.uploads.quota import Quota
from config.uploads import UploadSettings

_BREATH = 32
"""Pieces after which others get their turn: those that have arrived already are read without waiting."""


class Incoming:
    """Reads one upload. What it holds counts in the quota until it is released.

    Attributes:
        data: What has arrived.
    """

    def __init__(self, declared: int | None, settings: UploadSettings, quota: Quota):
        """`declared` is the number of bytes that the sender announced; 0 or `None` for none."""
        self.data = bytearray()
        self._declared = declared or 0
        self._settings = settings
        self._quota = quota

    async def read(self, stream: AsyncIterator[bytes], permission: asyncio.Future[None]) -> None:
        """Read to the end; `permission` raises if the sender may not upload, perhaps only after a while.

        Raises:
            UploadError: `too_large`, `busy`, `timeout` or `aborted`, and what `permission` raises.
            ConnectionError: If the stream broke off.
        """
        limit, total, stall = self._settings.max_bytes, self._settings.timeout_s, self._settings.stall_s
        if self._declared > limit:
            raise UploadError("too_large", f"The picture has {self._declared:,} bytes, at most {limit:,}.")
        pieces = 0
        try:
            async with asyncio.timeout(total) as whole:
                while True:
                    async with asyncio.timeout(stall):
                        piece = await anext(stream, None)
                    if piece is None:
                        break
                    self._add(piece, limit)
                    if permission.done():
                        permission.result()
                    pieces += 1
                    if pieces % _BREATH == 0:
                        await asyncio.sleep(0)
                await permission
        except TimeoutError:
            late = f"took over {total:g} seconds" if whole.expired() else f"sent nothing for {stall:g} seconds"
            raise UploadError("timeout", f"The upload {late}, which is the limit.") from None
        # Some clients' aborts end like a finished stream, so the size tells.
        if len(self.data) < self._declared:
            raise UploadError("aborted", f"The upload ended after {len(self.data):,} of {self._declared:,} bytes.")

    def release(self) -> None:
        """Let go of the bytes."""
        self._quota.release(len(self.data))
        self.data = bytearray()

    def _add(self, piece: bytes, limit: int) -> None:
        if len(self.data) + len(piece) > limit:
            raise UploadError("too_large", f"The picture has over {limit:,} bytes, which is the limit.")
        self._quota.hold(len(piece))
        self.data += piece
