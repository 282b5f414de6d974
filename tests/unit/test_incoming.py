"""An upload's bytes are read within the limits that hold while it runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from agent.errors import UploadError
from agent.uploads.incoming import Incoming
from agent.uploads.quota import Quota
from config.uploads import UploadSettings

LIMITS = UploadSettings(max_bytes=1000, max_held_bytes=1500)


async def stream(*pieces: bytes, then: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    """These pieces and then, perhaps, nothing until something happens."""
    for piece in pieces:
        yield piece
    if then is not None:
        await then.wait()


def permission(refused: str = "") -> asyncio.Future[None]:
    """A permission that is given, or not."""
    given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if refused:
        given.set_exception(UploadError("not_allowed", refused))
    else:
        given.set_result(None)
    return given


async def code(
    pieces: Sequence[bytes],
    *,
    declared: int | None = None,
    settings: UploadSettings = LIMITS,
    quota: Quota | None = None,
    permit: asyncio.Future[None] | None = None,
    then: asyncio.Event | None = None,
) -> str:
    """The code with which such an upload is refused."""
    incoming = Incoming(declared, settings, quota or Quota(settings))
    with pytest.raises(UploadError) as caught:
        await incoming.read(stream(*pieces, then=then), permit or permission())
    assert str(caught.value).endswith(".")
    return caught.value.code


@pytest.mark.parametrize("declared", [None, 0, 5, 11])
async def test_whole_upload_is_read(declared: int | None) -> None:
    """Fewer bytes may be declared than come: the content decides, and the limit holds all the same."""
    quota = Quota(LIMITS)
    incoming = Incoming(declared, LIMITS, quota)
    await incoming.read(stream(b"hello ", b"world"), permission())
    assert incoming.data == b"hello world"
    assert quota.held == 11
    incoming.release()
    assert (quota.held, bytes(incoming.data)) == (0, b"")


async def test_declared_size_over_the_limit_is_refused_before_anything_is_read() -> None:
    """Nobody waits for five gigabytes to find that they are too many."""
    assert await code([], declared=5_000_000_000, then=asyncio.Event()) == "too_large"


async def test_undeclared_size_is_refused_at_the_first_byte_too_many() -> None:
    """The sender would go on for ever."""
    assert await code([b"x" * 600, b"x" * 401], then=asyncio.Event()) == "too_large"


async def test_limit_itself_is_allowed() -> None:
    """Exactly a thousand."""
    incoming = Incoming(1000, LIMITS, Quota(LIMITS))
    await incoming.read(stream(b"x" * 1000), permission())
    assert len(incoming.data) == 1000


async def test_no_more_is_held_than_all_uploads_may_hold() -> None:
    """Another upload under way leaves room for five hundred bytes."""
    quota = Quota(LIMITS)
    quota.hold(1000)
    assert await code([b"x" * 501], quota=quota) == "busy"
    assert quota.held == 1000


async def test_upload_that_ends_early_is_not_taken_for_a_whole_one() -> None:
    """Some clients' aborts end like a finished stream."""
    assert await code([b"hello"], declared=6) == "aborted"


async def test_stalled_upload_is_given_up() -> None:
    """Long before the whole time is over."""
    settings = UploadSettings(stall_s=0.01, timeout_s=600)
    assert await code([b"hello"], settings=settings, then=asyncio.Event()) == "timeout"


async def test_slow_upload_is_given_up() -> None:
    """However regularly its bytes drip."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x"

    settings = UploadSettings(stall_s=600, timeout_s=0.05, max_bytes=50_000_000)
    incoming = Incoming(None, settings, Quota(settings))
    with pytest.raises(UploadError, match="took over") as caught:
        await incoming.read(drip(), permission())
    assert caught.value.code == "timeout"


async def test_sender_who_may_not_is_refused_at_their_first_piece() -> None:
    """Their upload is not read to its end first."""
    assert await code([b"hello"], permit=permission("Not you."), then=asyncio.Event()) == "not_allowed"


async def test_limits_hold_while_it_is_not_known_who_may() -> None:
    """An unread stream fills its queue without any limit."""
    unknown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await code([b"x" * 1001], permit=unknown, then=asyncio.Event()) == "too_large"


async def test_whole_upload_waits_until_it_is_known_who_may() -> None:
    """An early upload may come before its sender is announced."""
    given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    incoming = Incoming(None, LIMITS, Quota(LIMITS))
    reading = asyncio.create_task(incoming.read(stream(b"hello"), given))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not reading.done()
    given.set_result(None)
    await reading


async def test_others_get_their_turn_while_many_pieces_are_read() -> None:
    """What has arrived already is read without waiting, but not all of it at once."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    settings = UploadSettings()
    await Incoming(None, settings, Quota(settings)).read(stream(*[b"x"] * 1000), permission())
    counting.cancel()
    assert turns > 20
