"""Waiting: pieces pass as they come, words come in between, and what stalls is given up."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.patience import StalledError, Waiting, patiently

NEVER = 1e6


class Source:
    """Gives pieces when it is told to."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            while (piece := await self.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True

    def give(self, *pieces: str | Exception | None) -> None:
        """Give these next; `None` ends it."""
        for piece in pieces:
            self.pieces.put_nowait(piece)


async def test_pieces_pass_in_order_and_without_a_word() -> None:
    """Nobody waits for what is there."""
    source = Source()
    source.give("a", "b", "c", None)
    got = [piece async for piece in patiently(source, first_s=NEVER, again_s=NEVER, stall_s=lambda: NEVER)]
    assert got == ["a", "b", "c"]
    assert source.closed


async def test_word_comes_first_once_and_then_again() -> None:
    """As long as the first piece is not there."""
    source = Source()
    stream = patiently(source, first_s=0.001, again_s=0.001, stall_s=lambda: None)
    assert [await anext(stream) for _ in range(3)] == [Waiting.FIRST, Waiting.AGAIN, Waiting.AGAIN]
    source.give("a", None)
    rest = [piece async for piece in stream]
    assert [piece for piece in rest if not isinstance(piece, Waiting)] == ["a"]
    assert source.closed


async def test_piece_that_does_not_count_goes_on_waiting() -> None:
    """A header is no answer."""
    source = Source()
    source.give("header")
    stream = patiently(source, first_s=0.001, again_s=NEVER, stall_s=lambda: 0, begins=lambda piece: piece != "header")
    assert await anext(stream) == "header"
    assert await anext(stream) is Waiting.FIRST
    source.give("a", None)
    assert [piece async for piece in stream] == ["a"]


async def test_no_word_where_none_is_wanted() -> None:
    """Zero seconds are no time at all, and mean never."""
    source = Source()
    asyncio.get_running_loop().call_later(0.05, source.give, "a", None)
    stream = patiently(source, first_s=0, again_s=0, stall_s=lambda: None)
    assert [piece async for piece in stream] == ["a"]


async def test_what_stalls_is_given_up() -> None:
    """And closed."""
    source = Source()
    source.give("a")
    stream = patiently(source, first_s=NEVER, again_s=NEVER, stall_s=lambda: 0.001)
    assert await anext(stream) == "a"
    with pytest.raises(StalledError, match=r"nothing for 0\.001 s"):
        await anext(stream)
    assert source.closed


async def test_fault_of_the_source_is_the_fault_of_the_stream() -> None:
    """After the pieces that came before it."""
    source = Source()
    source.give("a", ConnectionError("cut"))
    stream = patiently(source, first_s=NEVER, again_s=NEVER, stall_s=lambda: None)
    assert await anext(stream) == "a"
    with pytest.raises(ConnectionError):
        await anext(stream)


async def test_closed_stream_closes_its_source() -> None:
    """An interrupted answer must not go on costing."""
    source = Source()
    source.give("a")
    stream = patiently(source, first_s=NEVER, again_s=NEVER, stall_s=lambda: None)
    assert await anext(stream) == "a"
    await stream.aclose()
    assert source.closed
