"""What must hold of a turn before it is worth measuring."""

from sandbox.caller.stamp import read_stamp
from sandbox.control.client import SandboxClient
from sandbox.turn import Turn, pixels_of


class CheckError(Exception):
    """What was measured is not what should have been: a figure made from it would mean nothing."""


def check(holds: object, otherwise: str) -> None:
    """Raise CheckError with a sentence unless something holds."""
    if not holds:
        raise CheckError(otherwise)


async def newest_picture_age_s(turn: Turn, sandbox: SandboxClient) -> float | None:
    """Seconds between the drawing of the newest picture anywhere in the request, and the request."""
    if not turn.images:
        return None
    drawn_at = read_stamp(await pixels_of(sandbox, turn.images[-1].sha256))
    return None if drawn_at is None else turn.request.started - drawn_at
