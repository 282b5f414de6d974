"""Any bytes as what a decoder that was taken over answers: a message, or one of two errors."""

import io
import sys

import atheris

with atheris.instrument_imports(include=["agent", "json"]):
    import json

    from agent.uploads.decoder_wire import read, write

_LIMIT = 4_000
"""Bytes of a message."""


def check(data: bytes) -> None:
    """Judge how one message is read; one that is read can be written and read again."""
    try:
        header, body = read(io.BytesIO(data), limit=_LIMIT)
    except (EOFError, ValueError):
        return
    pipe = io.BytesIO()
    write(pipe, header, [body[:7], body[7:]])
    pipe.seek(0)
    again, same = read(pipe, limit=10 * _LIMIT)  # `\u00e9` is longer than its letter
    assert same == body
    assert json.dumps(again) == json.dumps(header)  # NaN is not equal to itself


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
