"""Whether the model has a picture already of what the caller still shows, so that no other need be sent."""

from dataclasses import replace

from agent.vision.fingerprint import unchanged
from agent.vision.view import Shot, View

FINER = 1.2
"""A picture whose file is larger by this shows the same scene in more detail. Measured through VP8: in its first second
a track comes so coarse that the file has 55 to 85 % of its later size; later ones of a still scene, however noisy, are
within a tenth of each other."""


def still_shown(earlier: View, fresh: View) -> View | None:
    """The earlier view, aged to the moment of the fresh one; `None` if the fresh one has something new to show."""
    if len(earlier.shots) != len(fresh.shots):
        return None
    pairs = list(zip(earlier.shots, fresh.shots, strict=True))
    if not all(_alike(before, after) for before, after in pairs):
        return None
    return View(tuple(_aged(before, after) for before, after in pairs), fresh.missing)


def _alike(before: Shot, after: Shot) -> bool:
    if _shape(before) != _shape(after) or len(after.image.data) > FINER * len(before.image.data):
        return False
    return unchanged(before.fingerprint, after.fingerprint)


def _shape(shot: Shot) -> tuple[object, ...]:
    return shot.source, shot.frame_width, shot.frame_height, shot.image.width, shot.image.height


def _aged(before: Shot, after: Shot) -> Shot:
    """The earlier picture with its true age, and what the look at the present one cost."""
    age_ms = (after.taken_at - before.taken_at) * 1000 + after.age_ms
    return replace(before, age_ms=age_ms, encode_ms=after.encode_ms, waited_ms=after.waited_ms)
