"""Any bytes as an upload: refused with a code and a sentence, or made into a small clean JPEG."""

import ctypes
import io
import json
import re
import resource
import sys
import zlib
from collections import Counter
from contextlib import suppress
from traceback import walk_tb

import atheris

from fuzz.mutate import mutate

with atheris.instrument_imports(include=["PIL", "pi_heif", "agent"]):
    from PIL import Image

    from agent.errors import UploadError
    from agent.uploads import image
    from agent.uploads.image import Cleaned, clean
    from agent.uploads.kind import KINDS, kind_of
    from agent.uploads.limits import Limits

_LIMITS = Limits(max_pixels=250_000, max_width=48, max_height=40, quality=75, max_bytes=1_200)
"""Small, so that inputs are quick; the result is often made smaller more than once."""
_CODES = {"unsupported_type", "too_many_pixels", "too_complex", "damaged"}
_SENTENCE = 120
"""Characters."""
_MEMORY = 256_000_000
"""Bytes that one input may take: 1000 for each pixel that is allowed."""
_PLAIN = {0xDB, 0xC0, 0xC4, 0xDA}
"""The segments of a JPEG that hold its picture (ITU-T T.81); any other but JFIF's own would be somebody's data."""
_ITEM = re.compile(rb"(.{4})infe(?:[\0-\2].{7}|[^\0-\2].{9})", re.DOTALL)
"""In a HEIC file: an item's size, and what stands before its type (ISO/IEC 14496-12, 8.11.6)."""
_LATE = {"has_transparency_data"}
"""Functions of Pillow which a broken picture passes its readers to fail in: a palette that is not there."""
_INFO = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
_M_PERTURB = -6
"""mallopt(3): what freshly allocated memory is filled with."""
_TOLD_EVERY = 5_000

_outcomes: Counter[str] = Counter()


def check(data: bytes) -> None:
    """Judge what becomes of one file."""
    if _known(data):
        _outcomes["known to crash"] += 1
        return
    before = _peak()
    try:
        made = clean(data, _LIMITS)
    except UploadError as error:
        _outcomes[_refused(error)] += 1
    else:
        _accepted(made)
        _outcomes[f"{made.kind} accepted"] += 1
        if zlib.crc32(data) % 4 == 0:
            _same_again(data, made)
    taken = _peak() - before
    assert taken < _MEMORY, f"{taken:,} bytes of memory for a file of {len(data):,} bytes"
    if _outcomes.total() % _TOLD_EVERY == 0:
        print("outcomes:", json.dumps(_outcomes), file=sys.stderr)  # noqa: T201 - into the log


def _known(data: bytes) -> bool:
    """pi-heif 1.4 crashes over an item's type that is not UTF-8: `found_heic_item_type_not_utf8.bin`."""
    if kind_of(data) != "HEIF":
        return False
    for item in _ITEM.finditer(data):
        try:
            data[item.end() : item.start() + int.from_bytes(item[1], "big")].decode()
        except UnicodeDecodeError:
            return True
    return False


def _refused(error: UploadError) -> str:
    sentence = str(error)
    assert error.code in _CODES, error.code
    assert len(sentence) <= _SENTENCE, sentence
    assert sentence.isprintable(), sentence
    assert sentence.startswith("The "), sentence
    assert sentence.endswith("."), sentence
    cause = error.__cause__
    if cause is None:
        return error.code
    # What goes wrong below `_cleaned` happens to a picture that was decoded whole: no damage, but a mistake of ours.
    frames = [frame.f_code for frame, _ in walk_tb(cause.__traceback__)]
    last = max(place for place, code in enumerate(frames) if code.co_filename == image.__file__)
    if frames[last].co_name != "_cleaned" and frames[-1].co_name not in _LATE:
        raise cause
    return f"{error.code}: {type(cause).__name__} by {'.'.join(code.co_name for code in frames[last + 1 : last + 2])}"


def _accepted(made: Cleaned) -> None:
    assert made.kind in KINDS
    assert len(made.data) <= _LIMITS.max_bytes
    assert 0 < made.width <= _LIMITS.max_width
    assert 0 < made.height <= _LIMITS.max_height
    with Image.open(io.BytesIO(made.data), formats=["JPEG"]) as read:
        read.load()
        assert read.size == (made.width, made.height)
        assert read.mode in {"RGB", "L"}
        assert set(read.info) <= _INFO, set(read.info)
        assert not read.getexif()
    _only_a_picture(made.data)


def _only_a_picture(jpeg: bytes) -> None:
    """No segment but the picture's: no EXIF, no profile, no comment, nothing of the sender's."""
    assert jpeg.startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    assert jpeg.endswith(b"\xff\xd9")
    at = 4 + 0x10
    while jpeg[at + 1] != 0xDA:
        assert jpeg[at] == 0xFF
        assert jpeg[at + 1] in _PLAIN, hex(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def _same_again(data: bytes, made: Cleaned) -> None:
    """Whatever lay in memory before, perhaps another sender's picture, is no part of this one."""
    _fill(0xAA)
    try:
        assert clean(data, _LIMITS) == made, "the picture depends on what lay in memory before"
    finally:
        _fill(0x55)


def _fill(value: int) -> None:
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_PERTURB, value)


def _peak() -> int:
    """Bytes of memory that this process ever took."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    _fill(0x55)
    atheris.Setup(sys.argv, check, custom_mutator=mutate)
    atheris.Fuzz()
