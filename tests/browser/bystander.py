"""Somebody else in the room, who notes what they are sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from livekit import api, rtc

from sandbox.stack import Address

TIMEOUT_S = 30


@dataclass
class Bystander:
    """What came.

    Attributes:
        got: The topics of what was meant for the agent or the caller.
    """

    got: list[str] = field(default_factory=list)
    _answers: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def noting(self, topic: str) -> Callable[[object, str], None]:
        """Takes a stream on a topic."""

        def note(_reader: object, _who: str) -> None:
            self.got.append(topic)

        return note

    async def heard(self, answers: int) -> None:
        """Wait until so many answers were said to the whole room."""
        async with asyncio.timeout(TIMEOUT_S):
            for _ in range(answers):
                await self._answers.get()


@asynccontextmanager
async def bystander(address: Address, name: str) -> AsyncIterator[Bystander]:
    """Join a room and listen to everything."""
    found = Bystander()
    room = rtc.Room()
    for topic in ("lk.chat", "images.status", "turn.completed"):
        room.register_text_stream_handler(topic, found.noting(topic))
    for topic in ("images", "vision.snapshot"):
        room.register_byte_stream_handler(topic, found.noting(topic))
    reading: set[asyncio.Task[None]] = set()

    async def read(reader: rtc.TextStreamReader) -> None:
        await found._answers.put(await reader.read_all())

    def on_transcript(reader: rtc.TextStreamReader, _: str) -> None:
        reading.add(task := asyncio.create_task(read(reader)))
        task.add_done_callback(reading.discard)

    room.register_text_stream_handler("lk.transcription", on_transcript)
    grants = api.VideoGrants(room_join=True, room=name, can_publish=False)
    token = api.AccessToken(address.api_key, address.api_secret).with_identity("bystander").with_grants(grants)
    await room.connect(address.url, token.to_jwt())
    try:
        yield found
    finally:
        await room.disconnect()
