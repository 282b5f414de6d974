"""What must hold of a turn before it is worth measuring."""

import io

import numpy as np
from PIL import Image

from sandbox.caller.stamp import read_stamp
from sandbox.control.client import SandboxClient
from sandbox.turn import Turn

LEEWAY_S = 0.5
"""So long before the end of a question its picture may have been drawn: sound and frames travel separately."""


class CheckError(Exception):
    """What was measured is not what should have been: a figure made from it would mean nothing."""


def check(holds: object, otherwise: str) -> None:
    """Raise CheckError with a sentence unless something holds."""
    if not holds:
        raise CheckError(otherwise)


def of_that_moment(turn: Turn) -> bool:
    """Whether the spoken answer was made from a picture of the moment of the question, by the stamp in the picture."""
    return turn.drawn_at is not None and turn.asked - LEEWAY_S <= turn.drawn_at <= turn.request.started


async def newest_picture_age_s(turn: Turn, sandbox: SandboxClient) -> float | None:
    """Seconds between the drawing of the newest picture anywhere in the request, and the request."""
    if not turn.images:
        return None
    with Image.open(io.BytesIO(await sandbox.image(turn.images[-1].sha256))) as image:
        drawn_at = read_stamp(np.asarray(image.convert("RGB")))
    return None if drawn_at is None else turn.request.started - drawn_at
