"""Text and byte streams read to their end, within bounds, and byte streams written."""

import json
from typing import Any

from livekit import rtc

MAX_TEXT_CHARS = 1_000_000
MAX_BYTES = 32 * 1024 * 1024
"""What goes beyond these is left unread."""

CHUNK_BYTES = 15_000
"""How browsers send: a data packet takes little more."""


async def read_text(reader: rtc.TextStreamReader) -> tuple[str, bool]:
    """Read a text stream, and say whether it came whole."""
    chunks: list[str] = []
    size = 0
    try:
        async for chunk in reader:
            size += len(chunk)
            if size > MAX_TEXT_CHARS:
                return "".join(chunks), False
            chunks.append(chunk)
    except rtc.StreamError:
        return "".join(chunks), False
    finally:
        reader.close()
    return "".join(chunks), True


async def read_bytes(reader: rtc.ByteStreamReader) -> tuple[bytes, bool]:
    """Read a byte stream, and say whether it came whole."""
    data = bytearray()
    try:
        async for chunk in reader:
            if len(data) + len(chunk) > MAX_BYTES:
                return bytes(data), False
            data += chunk
    except rtc.StreamError:
        return bytes(data), False
    finally:
        reader.close()
    return bytes(data), True


async def write_bytes(
    room: rtc.Room,
    data: bytes,
    name: str,
    mime_type: str,
    *,
    topic: str,
    attributes: dict[str, str],
    to: list[str] | None,
) -> str:
    """Send bytes to these participants, or with `None` to everybody, and give the stream's id."""
    writer = await room.local_participant.stream_bytes(
        name,
        total_size=len(data),
        mime_type=mime_type,
        attributes=attributes,
        topic=topic,
        destination_identities=to,
    )
    for start in range(0, len(data), CHUNK_BYTES):
        await writer.write(data[start : start + CHUNK_BYTES])
    await writer.aclose()
    return writer.info.stream_id


def read_json(text: str) -> dict[str, Any]:
    """Read a JSON object; what is none is kept as `{"unreadable": text}`, for a script to stumble over."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        data = None
    return data if isinstance(data, dict) else {"unreadable": text}
