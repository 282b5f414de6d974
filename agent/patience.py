"""Waiting for somebody who may keep the caller waiting: what to say meanwhile, and when to give up."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from enum import Enum
from typing import TypeVar

Piece = TypeVar("Piece")
_SOON_S = 0.25


class Waiting(Enum):
    """Time to say that it takes a moment, for the first time in this wait, or once more."""

    FIRST = "first"
    AGAIN = "again"


class StalledError(Exception):
    """What had begun did not go on."""


async def patiently(
    source: AsyncIterable[Piece],
    *,
    first_s: float,
    again_s: float,
    stall_s: Callable[[], float | None],
    begins: Callable[[Piece], bool] = lambda _: True,
    now: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[Piece | Waiting]:
    """Give the pieces as they come, and a word in between when the first of them keeps everybody waiting.

    Args:
        source: What is waited for; it runs in a task of its own, and is closed with this iterator.
        first_s: Seconds until `Waiting.FIRST`; 0 to say nothing.
        again_s: Seconds from then on to each `Waiting.AGAIN`.
        stall_s: Asked after each piece: seconds that the next one may take, `None` for any time.
        begins: Whether a piece is what everybody waits for; those before are given too.
        now: Whether anybody would hear a word now; asked again in a moment.

    Raises:
        StalledError: If a next piece took longer than it may.
        Exception: Whatever the source raises.
    """
    pieces: asyncio.Queue[Piece] = asyncio.Queue()
    reader = asyncio.create_task(_read(source, pieces))
    waiting, begun, later = Waiting.FIRST, False, False
    try:
        while True:
            limit = stall_s() if begun else (first_s if waiting is Waiting.FIRST else again_s) or None
            if later and limit is not None:
                limit = min(limit, _SOON_S)
            try:
                piece = await _next(pieces, reader, limit)
            except TimeoutError:
                if begun:
                    raise StalledError(f"nothing for {limit:g} s") from None
                later = not now()
                if not later:
                    yield waiting
                    waiting = Waiting.AGAIN
                continue
            except EOFError:
                break
            begun = begun or begins(piece)
            later = later and not begun
            yield piece
        reader.result()
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(source: AsyncIterable[Piece], pieces: asyncio.Queue[Piece]) -> None:
    """In one task from beginning to end: a source may tie what it opens to the task that runs it."""
    async for piece in source:
        pieces.put_nowait(piece)


async def _next(pieces: asyncio.Queue[Piece], reader: asyncio.Task[None], limit_s: float | None) -> Piece:
    """The next piece.

    Raises:
        EOFError: If there is none.
        TimeoutError: If it takes longer than `limit_s`.
    """
    if not pieces.empty():
        return pieces.get_nowait()
    getting = asyncio.ensure_future(pieces.get())
    try:
        await asyncio.wait({getting, reader}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        if not reader.done():
            raise TimeoutError
        if not pieces.empty():
            return pieces.get_nowait()
        raise EOFError
    finally:
        getting.cancel()
