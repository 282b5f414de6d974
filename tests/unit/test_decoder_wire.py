"""What comes over the decoder's pipe is believed only as far as it makes sense."""

import io
import struct
from typing import Any

import pytest

from agent.errors import UploadError
from agent.uploads.decoder import _picture
from agent.uploads.decoder_wire import read, write
from agent.uploads.limits import Limits

LIMITS = Limits(max_pixels=1_000_000, max_width=200, max_height=100, quality=75, max_bytes=1000)
GOOD = {"width": 200, "height": 100, "kind": "JPEG"}


def message(head: bytes, body: bytes = b"") -> io.BytesIO:
    """A message as it stands on the pipe."""
    return io.BytesIO(struct.pack(">II", len(head), len(body)) + head + body)


@pytest.mark.parametrize("body", [[], [b"one piece"], [b"of", bytearray(b" ma"), b"ny"]])
def test_message_is_read_as_it_was_written(body: list[bytes | bytearray]) -> None:
    """However many pieces it was in."""
    pipe = io.BytesIO()
    write(pipe, GOOD, body)
    write(pipe, {"next": 1})
    pipe.seek(0)
    assert read(pipe, limit=1000) == (GOOD, b"".join(body))
    assert read(pipe, limit=1000) == ({"next": 1}, b"")


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 12, 20])
def test_message_that_breaks_off_is_no_message(cut: int) -> None:
    """The other side is gone."""
    pipe = message(b'{"width": 1}', b"body")
    with pytest.raises(EOFError):
        read(io.BytesIO(pipe.getvalue()[:cut]), limit=1000)


@pytest.mark.parametrize("head", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_message_without_an_object_is_refused(head: bytes) -> None:
    """By one error, however deep the nonsense."""
    with pytest.raises(ValueError):  # noqa: PT011 - the reader of JSON says it in its own words
        read(message(head), limit=1_000_000)


def test_message_over_the_limit_is_not_read() -> None:
    """The length is the other side's word; nothing is allocated for it."""
    with pytest.raises(ValueError, match="at most 1000"):
        read(io.BytesIO(struct.pack(">II", 2**32 - 1, 2**32 - 1)), limit=1000)


def test_answer_becomes_a_picture() -> None:
    """Of the size that it says."""
    made = _picture(GOOD, b"a file", LIMITS)
    assert (made.kind, made.image.width, made.image.height, made.image.data) == ("JPEG", 200, 100, b"a file")


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 201},
        {"height": 0},
        {"width": -5},
        {"width": 10.5},
        {"width": "10"},
        {"height": None},
        {"kind": "EXE"},
        {"kind": 1},
        {"code": "none of ours", "message": "x", "width": None},
        {"code": "damaged", "width": None},
    ],
)
def test_answer_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    """The decoder may have been taken over by what it read."""
    with pytest.raises(ValueError, match="makes no sense"):
        _picture({**GOOD, **changes}, b"a file", LIMITS)


def test_refusal_crosses_with_its_code_and_a_bounded_sentence() -> None:
    """It goes on to the sender."""
    with pytest.raises(UploadError) as caught:
        _picture({"code": "damaged", "message": "x" * 100_000}, b"", LIMITS)
    assert caught.value.code == "damaged"
    assert len(str(caught.value)) == 200
