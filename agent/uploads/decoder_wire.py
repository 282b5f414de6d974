"""What the worker and its decoder say to each other over a pipe: JSON and bytes, with both their lengths first.

JSON, not pickle: a decoder that hostile bytes have taken over must not be able to make the worker run anything.
"""

import json
import struct
from collections.abc import Sequence
from typing import IO, Any

_LENGTHS = struct.Struct(">II")


def write(pipe: IO[bytes], header: dict[str, Any], body: Sequence[bytes | bytearray] = ()) -> None:
    """Write a message whose body is the pieces in a row. Blocking.

    Raises:
        OSError: If nobody reads any more.
    """
    head = json.dumps(header).encode()
    pipe.write(_LENGTHS.pack(len(head), sum(map(len, body))))
    pipe.write(head)
    pipe.writelines(body)
    pipe.flush()


def read(pipe: IO[bytes], *, limit: int) -> tuple[dict[str, Any], bytes]:
    """Read a message of at most `limit` bytes. Blocking.

    Raises:
        EOFError: If the other side is gone.
        ValueError: If this is no such message.
    """
    head_size, body_size = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    if head_size + body_size > limit:
        raise ValueError(f"a message of {head_size + body_size} bytes, at most {limit}")
    try:
        header = json.loads(_exactly(pipe, head_size))
    except RecursionError:
        raise ValueError("a header that is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError(  # noqa: TRY004 - whatever is wrong with a message is wrong in one way
            f"a header that is a {type(header).__name__}, not an object"
        )
    return header, _exactly(pipe, body_size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError(f"{len(data)} of {size} bytes")
    return data
