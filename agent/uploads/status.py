"""What became of an upload, told to its sender and to nobody else."""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Literal

import structlog
from livekit import rtc

from agent.errors import UploadCode

log = structlog.stdlib.get_logger(__name__)

STATUS_TOPIC = "images.status"
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What names an upload to its sender.

    Attributes:
        sender: The participant's identity.
        stream_id: The byte stream's id.
        name: The beginning of the file's name, as the sender gave it; never used as one here.
    """

    sender: str
    stream_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Status:
    """The payload of `images.status`, but for what names the upload.

    Attributes:
        status: Whether the picture is in the conversation.
        code: Why not, for programs; `None` if it is.
        message: The same in one sentence, for people.
        width: Pixels of the picture as the model is sent it; `None` if it is not.
        height: Likewise.
        bytes: Of the picture as the model is sent it; of what arrived, if it is not.
    """

    status: Literal["accepted", "rejected"]
    code: UploadCode | None
    message: str
    width: int | None
    height: int | None
    bytes: int


def accepted(*, width: int, height: int, size: int) -> Status:
    """It is in the conversation."""
    return Status("accepted", None, "The picture is in the conversation.", width, height, size)


def rejected(code: UploadCode, message: str, size: int) -> Status:
    """It is not, or no more."""
    return Status("rejected", code, message, None, None, size)


async def tell(room: rtc.Room, receipt: Receipt, status: Status) -> None:
    """Send a status to the sender; one who has left, or does not listen, loses it."""
    payload = {"stream_id": receipt.stream_id, "name": receipt.name, **asdict(status)}
    try:
        # Not asked whether the sender is here: who publishes nothing is announced seconds after they may send.
        async with asyncio.timeout(_TIMEOUT_S):
            await room.local_participant.send_text(
                json.dumps(payload), topic=STATUS_TOPIC, destination_identities=[receipt.sender]
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the picture's fate is as it was
        log.warning("upload_status_not_sent", sender=receipt.sender, error=type(error).__name__)
