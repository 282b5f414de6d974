"""Uploads are counted, and those over a limit refused by a code of their own."""

import pytest

from agent.errors import UploadError
from agent.uploads.quota import Quota
from config.uploads import UploadSettings
from tests.fakes import Clock


def quota(clock: Clock, **limits: int) -> Quota:
    """A quota with these limits in place of the defaults."""
    return Quota(UploadSettings(**limits), clock)  # type: ignore[arg-type]


def refused(quota: Quota, sender: str = "ann") -> str:
    """The code with which one more upload is refused."""
    with pytest.raises(UploadError) as caught:
        quota.begin(sender)
    assert str(caught.value).endswith(".")
    return caught.value.code


def test_each_sender_has_so_many_under_way() -> None:
    """One who has too many waits for their own, and keeps nobody else."""
    counted = quota(Clock(), max_at_once=2)
    counted.begin("ann")
    counted.begin("ann")
    assert refused(counted) == "busy"
    counted.begin("bob")
    counted.end("ann")
    counted.begin("ann")


def test_each_sender_has_so_many_a_minute() -> None:
    """The minute moves: what was begun over a minute ago counts no more."""
    clock = Clock()
    counted = quota(clock, max_per_minute=2)
    for _ in range(2):
        counted.begin("ann")
        counted.end("ann")
        clock.now += 20
    assert refused(counted) == "rate_limited"
    counted.begin("bob")
    clock.now += 21
    counted.begin("ann")
    counted.end("ann")
    assert refused(counted) == "rate_limited"


def test_refused_upload_does_not_count() -> None:
    """Who tries all the time is let in when the minute is over, not a minute after they stopped."""
    clock = Clock()
    counted = quota(clock, max_per_minute=1)
    counted.begin("ann")
    counted.end("ann")
    for _ in range(59):
        clock.now += 1
        assert refused(counted) == "rate_limited"
    clock.now += 1
    counted.begin("ann")


def test_call_takes_so_many_and_no_more() -> None:
    """Of all senders together."""
    counted = quota(Clock(), max_per_call=2)
    counted.take()
    counted.take()
    with pytest.raises(UploadError) as caught:
        counted.take()
    assert caught.value.code == "call_limit"


def test_bytes_under_way_are_bounded_together() -> None:
    """What would go over is not held, and what is let go makes room."""
    counted = quota(Clock(), max_bytes=1000, max_held_bytes=1500)
    counted.hold(1000)
    with pytest.raises(UploadError) as caught:
        counted.hold(501)
    assert caught.value.code == "busy"
    counted.hold(500)
    assert counted.held == 1500
    counted.release(1500)
    assert counted.held == 0


def test_flood_of_refusals_is_answered_with_silence() -> None:
    """An echo for each would double what the flood costs; a minute later there is an answer again."""
    clock = Clock()
    counted = quota(clock)
    answers = [counted.may_tell("ann") for _ in range(200)]
    assert answers == [True] * 120 + [False] * 80
    assert counted.may_tell("bob")
    clock.now += 61
    assert counted.may_tell("ann")


def test_senders_who_have_gone_are_forgotten() -> None:
    """A room may see any number of identities."""
    clock = Clock()
    counted = quota(clock)
    for number in range(100):
        counted.begin(f"sender {number}")
        counted.end(f"sender {number}")
        clock.now += 1
    clock.now += 60
    counted.begin("ann")
    assert set(counted._senders) == {"ann"}
