"""What a live conversation holds, and what goes when it is too much."""

import pytest

from sandbox.control.entries import SeenImage, ToolCall
from sandbox.realtime.conversation import Conversation, Item
from sandbox.realtime.resumable import MAX_HANDLES, Resumable
from sandbox.realtime.window import LIMIT, Compression, place_to_cut, tokens_in, tokens_of

PICTURE = SeenImage("a" * 64, 10, 4, 3, "image/jpeg", "")
FRAME = Item("frame", "message", "user", images=[PICTURE])
QUESTION = Item("question", "message", "user", "What is this?", spoken=True, audio_s=2.0)
ANSWER = Item("answer", "message", "assistant", "A cat.", audio_s=1.0)


def test_items_are_counted_as_what_they_are_held_as() -> None:
    """Pictures at a fixed price, sound by its length whatever its words are, text by its length."""
    assert tokens_of(FRAME) == {"TEXT": 0, "AUDIO": 0, "IMAGE": 258}
    assert tokens_of(QUESTION) == {"TEXT": 0, "AUDIO": 64, "IMAGE": 0}
    assert tokens_of(Item("", "message", "user", "x" * 40))["TEXT"] == 10
    assert tokens_of(Item("", "function_call", call=ToolCall("look", {})))["TEXT"] > 0
    assert tokens_in([FRAME, QUESTION, ANSWER], 7).total() == 258 + 64 + 32 + 7


@pytest.mark.parametrize(
    ("trigger", "target", "expected"),
    [
        (2_000, 100, 0),  # not yet
        (1_000, 800, 3),  # the second turn is low enough
        (1_000, 400, 6),
        (1_000, 1, 6),  # the last turn stays, however much it is
    ],
)
def test_cut_is_at_the_start_of_a_users_turn(trigger: int, target: int, expected: int) -> None:
    """Never between a picture and the question to it, and never at an answer."""
    items = [FRAME, QUESTION, ANSWER] * 3
    assert place_to_cut(items, Compression(trigger, target)) == expected


def test_instructions_count_and_stay() -> None:
    """They are no item, so nothing takes them out."""
    items = [QUESTION, ANSWER] * 2
    assert place_to_cut(items, Compression(200, 150)) == 0
    assert place_to_cut(items, Compression(200, 150), fixed=50) == 2


def test_nothing_is_cut_where_nobody_has_spoken() -> None:
    """There is no user's turn to begin with."""
    assert place_to_cut([ANSWER] * 9, Compression(10, 5)) == 0


def test_context_of_a_hundred_turns_is_that_of_a_few() -> None:
    """With a picture a second, and half a minute a turn."""
    conversation, compression, held = Conversation(), Compression(32_000, 16_000), []
    for turn in range(100):
        for second in range(30):
            conversation.add(Item(f"frame_{turn}_{second}", "message", "user", images=[PICTURE]))
        conversation.add(Item(f"question_{turn}", "message", "user", spoken=True, audio_s=3))
        conversation.keep_from(place_to_cut(conversation.items, compression))
        conversation.add(Item(f"answer_{turn}", "message", "assistant", "x", audio_s=5))
        held.append(tokens_in(conversation.items).total())
        assert conversation.items[-2].id == f"question_{turn}"
        assert conversation.items[0].id.endswith("_0")
    assert max(held) <= 32_000 + 160
    assert max(held[50:]) == max(held[:50])
    assert held[-1] > 0


def test_window_is_compressed_before_it_is_full_unless_it_is_said() -> None:
    """At four fifths, down to half of that."""
    assert Compression() == Compression(LIMIT * 8 // 10, LIMIT * 4 // 10)


def test_conversation_is_taken_up_as_it_was() -> None:
    """What came after the handle was given is not in it, and the handle stays good."""
    resumable, items = Resumable(), [QUESTION]
    handle = resumable.keep(items)
    items.append(ANSWER)
    assert resumable.take_up(handle) == resumable.take_up(handle) == [QUESTION]
    with pytest.raises(KeyError):
        resumable.take_up("another")


def test_oldest_handles_are_forgotten() -> None:
    """There is room for so many."""
    resumable = Resumable()
    first, *_, last = [resumable.keep([]) for _ in range(MAX_HANDLES + 1)]
    assert resumable.take_up(last) == []
    with pytest.raises(KeyError):
        resumable.take_up(first)
