"""What the model was shown and how each turn went, sent to the caller: for a page that lets them check it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from livekit import rtc

from agent.vision.memory import Shown
from agent.vision.view import Shot, View

log = structlog.stdlib.get_logger(__name__)

SNAPSHOT_TOPIC = "vision.snapshot"
TURN_TOPIC = "turn.completed"
MAX_WAITING = 4
"""Turns under way. A caller whose network is slower than the talk misses the newest, rather than hear it stutter."""
_CHUNK_BYTES = 15_000


class Sharing:
    """Sends each completed turn to the caller, and to nobody else. Turns are sent one after another."""

    def __init__(self, room: rtc.Room, caller: Callable[[], str | None]):
        """`caller` gives the caller's identity, once it is known."""
        self._room = room
        self._caller = caller
        self._sending: set[asyncio.Task[None]] = set()
        self._order = asyncio.Lock()

    def turn(self, event: dict[str, Any], shown: Shown | None) -> None:
        """Send a `turn_completed` event and the pictures it speaks of."""
        caller = self._caller()
        if caller is None:
            return
        if len(self._sending) >= MAX_WAITING:
            log.warning("turn_not_shared", turn=event["turn"], waiting=len(self._sending))
            return
        task = asyncio.create_task(self._send(event, shown, caller, ended_at=time.time()))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Give up what is not sent yet."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, event: dict[str, Any], shown: Shown | None, caller: str, *, ended_at: float) -> None:
        look = shown.look if shown is not None else None
        shots = (look.shots if isinstance(look, View) else ()) + (shown.looks if shown is not None else ())
        async with self._order:
            for shot in shots:
                await self._try(self._send_picture(event["turn"], shot, caller), event)
            telling = self._room.local_participant.send_text(
                json.dumps(event),
                topic=TURN_TOPIC,
                # Pictures take their time: by this the answer is told from a sentence that has begun meanwhile.
                attributes={"ended_at": str(round(ended_at * 1000))},
                destination_identities=[caller],
            )
            await self._try(telling, event)

    async def _try(self, sending: Awaitable[object], event: dict[str, Any]) -> None:
        try:
            await sending
        except Exception:
            # The caller may be just leaving: what they can't be shown must not disturb the call.
            log.warning("turn_not_shared", turn=event["turn"], exc_info=True)

    async def _send_picture(self, turn: int, shot: Shot, caller: str) -> None:
        image = shot.image
        attributes = {
            "turn": str(turn),
            "source": shot.source,
            "age_ms": str(round(shot.age_ms)),
            "sha256": image.sha256,
            **({"part": shot.part} if shot.part else {}),
        }
        writer = await self._room.local_participant.stream_bytes(
            f"turn-{turn}.{image.mime.removeprefix('image/')}",
            total_size=len(image.data),
            mime_type=image.mime,
            attributes=attributes,
            topic=SNAPSHOT_TOPIC,
            destination_identities=[caller],
        )
        for start in range(0, len(image.data), _CHUNK_BYTES):
            await writer.write(image.data[start : start + _CHUNK_BYTES])
        await writer.aclose()
