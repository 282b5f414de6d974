"""A live conversation on the stand-in."""

import pytest

from sandbox.control.entries import SeenImage, SeenMessage
from sandbox.llm.pictures import Pictures
from sandbox.llm.refusal import Refusal
from sandbox.realtime.conversation import Conversation, Item, UnknownItemError, as_asked
from sandbox.realtime.ear import Began, Ear, Turn
from sandbox.realtime.openai_items import read_item, write_item
from sandbox.tts import pcm

HZ = 24_000


def said(item_id: str, text: str = "") -> Item:
    """Something a user wrote."""
    return Item(item_id, "message", "user", text)


def seen(sha256: str) -> SeenImage:
    """A picture by its hash."""
    return SeenImage(sha256, 10, 4, 3, "image/jpeg", "")


def test_items_go_where_they_are_put() -> None:
    """At the end, behind another, or first."""
    talk = Conversation()
    assert talk.add(said("b")) is None
    assert talk.add(said("d")) == "b"
    assert talk.add(said("c"), "b") == "b"
    assert talk.add(said("a"), "root") is None
    assert [item.id for item in talk.items] == ["a", "b", "c", "d"]
    talk.delete("c")
    assert [item.id for item in talk.items] == ["a", "b", "d"]


def test_what_is_not_there_is_not_found() -> None:
    """Nor is an id given twice."""
    talk = Conversation()
    talk.add(said("a"))
    for act in (lambda: talk.delete("x"), lambda: talk.get("x"), lambda: talk.add(said("b"), "x")):
        with pytest.raises(UnknownItemError):
            act()
    with pytest.raises(ValueError, match="a"):
        talk.add(said("a"))


def test_question_is_asked_about_what_was_seen_last() -> None:
    """Before, while or after its words came."""
    asked = SeenMessage("user", "What is this?")
    frames = [SeenMessage("user", "[The user's camera now.]", [seen(name)]) for name in "ab"]
    upload = SeenMessage("user", "[Picture uploaded by the user]", [seen("u")])
    for messages in ([*frames, upload, asked], [frames[0], upload, asked, frames[1]]):
        joined = as_asked(messages)
        assert [image.sha256 for image in joined[-1].images] == ["b"]
        assert joined[:-1] == [upload]
    told = SeenMessage("user", "[No picture: the user's camera is muted.]")
    joined = as_asked([*frames, told, asked])
    assert (joined[-1].images, "muted" in joined[-1].text) == ([], True)
    assert as_asked(frames) == frames


def test_items_are_read_and_written_as_the_provider_does() -> None:
    """Words, calls and their outputs."""
    words = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]}
    item, _ = read_item(words, "fallback", Pictures())
    assert (item.id, item.text) == ("fallback", "Hi.")
    assert write_item(item)["content"] == words["content"]
    call = {"type": "function_call", "id": "c", "call_id": "1", "name": "look", "arguments": '{"a": 1}'}
    output = {"type": "function_call_output", "id": "o", "call_id": "1", "output": "done"}
    for data in (call, output):
        item, _ = read_item(data, "", Pictures())
        written = write_item(item)
        assert {key: written[key] for key in data} == data


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"id": "x" * 33, "type": "message", "role": "user", "content": []}, "33"),
        ({"type": "song"}, "song"),
        ({"type": "message", "role": "user", "content": [{"type": "smell"}]}, "smell"),
        (
            {"type": "message", "role": "system", "content": [{"type": "input_image", "image_url": "data:"}]},
            "system",
        ),
        ({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "x"}]}, "data URL"),
    ],
)
def test_items_that_the_provider_would_refuse_are_refused(data: dict[str, object], named: str) -> None:
    """With what was found."""
    with pytest.raises(Refusal, match=named):
        read_item(data, "", Pictures())


def test_ear_tells_where_turns_begin_and_end() -> None:
    """By the silence after them."""
    ear = Ear(HZ)
    ear.wait(200)
    sound = bytes(HZ) + pcm.hum("x" * 12, HZ) + bytes(2 * HZ)
    told = [event for piece in pcm.chunks(sound, HZ, 50) for event in ear.feed(piece)]
    assert [type(each) for each in told] == [Began, Turn]
    turn = told[-1]
    assert isinstance(turn, Turn)
    assert 0.5 < turn.speech_s < 0.9
    assert turn.silence_s == pytest.approx(0.2, abs=0.05)


def test_manual_ear_waits_to_be_told() -> None:
    """And has nothing to commit when nothing was said, or when it was cleared."""
    ear = Ear(HZ)
    ear.manual = True
    assert ear.commit() is None
    assert ear.feed(pcm.hum("x" * 12, HZ)) == []
    turn = ear.commit()
    assert turn is not None
    assert turn.speech_s == pytest.approx(0.72, abs=0.01)
    ear.feed(pcm.hum("x" * 12, HZ))
    ear.clear()
    assert ear.commit() is None
