"""Changes to a file that its reader does not refuse at its first checksum."""

import struct
import zlib
from collections.abc import Iterator

import atheris

_PNG = b"\x89PNG\r\n\x1a\n"
_UNPACKED = 1 << 16
"""Bytes."""


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """One of libFuzzer's changes; of a PNG sometimes within what is compressed, and mostly with right checksums."""
    if data.startswith(_PNG) and seed % 4 == 0:
        return _png([(kind, _inside(kind, body)) for kind, body in _chunks(data)])[:max_size]
    changed: bytes = atheris.Mutate(data, max_size)
    if changed.startswith(_PNG) and seed % 8:
        return _png(_chunks(changed))[:max_size]
    return changed


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _png(chunks: Iterator[tuple[bytes, bytes]] | list[tuple[bytes, bytes]]) -> bytes:
    return _PNG + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _inside(kind: bytes, body: bytes) -> bytes:
    """The chunk with a change in what it holds compressed."""
    start = {b"IDAT": 0, b"fdAT": 4, b"iCCP": body.find(b"\0") + 2, b"zTXt": body.find(b"\0") + 2}.get(kind)
    if start is None:
        return body
    try:
        unpacked = zlib.decompressobj().decompress(body[start:], _UNPACKED)
    except zlib.error:
        return body
    return body[:start] + zlib.compress(atheris.Mutate(unpacked, len(unpacked) + 64), 1)
