"""What is remembered of requests, and for how long."""

import asyncio

import pytest

from sandbox.control.entries import Entry, Interim, SeenImage, SeenMessage, ToolCall, Utterance
from sandbox.control.record import MAX_ENTRIES, MAX_IMAGES, Record


def test_ids_rise_across_providers_and_clearing() -> None:
    """An id names one request for ever."""
    record = Record(clock=lambda: 5.0)
    assert [record.open("llm").id, record.open("tts").id] == [1, 2]
    record.clear()
    assert record.entries() == []
    assert record.open("llm").id == 3


def test_entries_can_be_asked_by_provider_and_id() -> None:
    """`since` excludes its own id."""
    record = Record()
    for provider in ("llm", "stt", "llm"):
        record.open(provider)
    assert [entry.id for entry in record.entries("llm")] == [1, 3]
    assert [entry.id for entry in record.entries(since=1)] == [2, 3]


def test_the_oldest_entries_are_dropped() -> None:
    """Memory is bounded by a number of requests."""
    record = Record()
    for _ in range(MAX_ENTRIES + 5):
        record.open("llm")
    assert len(record.entries()) == MAX_ENTRIES
    assert record.entries()[0].id == 6


def test_images_are_bounded_by_count_and_bytes() -> None:
    """The oldest go first; one that comes again is young again."""
    record = Record(max_image_bytes=10)
    record.keep_image("a", b"12345", "image/png")
    record.keep_image("b", b"12345", "image/png")
    record.keep_image("a", b"12345", "image/png")
    record.keep_image("c", b"1", "image/png")
    assert record.image("b") is None
    stored = record.image("a")
    assert stored is not None
    assert stored.data == b"12345"
    for number in range(MAX_IMAGES + 1):
        record.keep_image(str(number), b"", "image/png")
    assert record.image("a") is None


async def test_keeping_tells_ends_apart() -> None:
    """Done, gone wrong, left by the client: three different ends, and the first one counts."""
    record = Record()
    fine, broken, left, known = (record.open("llm") for _ in range(4))
    with record.keeping(fine):
        pass
    with pytest.raises(ValueError, match="oops"), record.keeping(broken):
        raise ValueError("oops")
    with pytest.raises(asyncio.CancelledError), record.keeping(left):
        raise asyncio.CancelledError
    with record.keeping(known):
        record.close(known, "error", "ordered")
    assert [entry.status for entry in (fine, broken, left, known)] == ["ok", "error", "cancelled", "error"]
    assert broken.error == "oops"
    assert all(entry.finished for entry in (fine, broken, left, known))


def test_an_entry_survives_json() -> None:
    """The client sees what the server remembers."""
    entry = Entry(
        1,
        "llm",
        2.0,
        messages=[
            SeenMessage("user", "Hi", [SeenImage("ab", 3, 4, 5, "image/png", "low")], sha256="cd"),
            SeenMessage("assistant", "", tool_calls=[ToolCall("look", {"region": None}, "call_1")]),
            SeenMessage("tool", "Shown.", tool_call_id="call_1"),
        ],
        tools=["look"],
        tool_call=ToolCall("look", {}, "call_2"),
        utterances=[Utterance(1.0, interims=[Interim(1.5, "He")])],
    )
    assert Entry.from_json(entry.to_json()) == entry
