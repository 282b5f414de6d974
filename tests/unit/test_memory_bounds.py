"""How much a request carries and history keeps: views, uploads, and their bytes."""

from livekit.agents.llm import ChatContext

from agent.vision.memory import Shown
from agent.vision.view import Blind, View
from tests.fakes import data_url, view
from tests.talk import Talk, pictures, said


async def test_upload_to_be_answered_is_answered_with_the_view() -> None:
    """An upload is no question: the reply to it is a generated one, and sees both pictures."""
    talk = Talk()
    await talk.turn("One")
    talk.upload("cat")
    sent = await talk.request()
    assert pictures(sent) == [data_url("cat"), data_url("camera 2")]


async def test_turn_after_an_upload_carries_both() -> None:
    """The question about the picture comes with the picture."""
    talk = Talk()
    talk.upload("cat")
    sent = await talk.turn("How old is she?")
    assert pictures(sent) == [data_url("cat"), data_url("camera 1")]
    assert talk.shown() == Shown(
        view_of(sent),
        images=2,
        question=talk.history.messages()[-2].id,
        asked="How old is she?",
        uploads=("cat",),
    )


def view_of(sent: ChatContext) -> View:
    """The fake sight's view that a request carries; its text is the picture."""
    assert pictures(sent)[-1] == data_url("camera 1")
    return view("camera 1", taken_at=1_700_000_001)


async def test_newest_uploads_are_kept_and_older_ones_become_a_line() -> None:
    """The caption stays, the picture goes, in place."""
    talk = Talk(max_uploads=2)
    messages = [talk.upload(name) for name in ("cat", "dog", "owl")]
    sent = await talk.turn("Which is the oldest?")
    assert pictures(sent) == [data_url("dog"), data_url("owl"), data_url("camera 1")]
    assert messages[0].content == [
        "[Picture uploaded by the user] my cat",
        "[uploaded picture at 22:13:20 UTC, no longer shown]",
    ]


async def test_no_uploads_at_all_when_none_are_wanted() -> None:
    """Zero means zero, not all."""
    talk = Talk(max_uploads=0)
    talk.upload("cat")
    assert pictures(await talk.turn("Look")) == [data_url("camera 1")]


async def test_view_does_not_count_as_an_upload() -> None:
    """Turns with a view do not push uploads out."""
    talk = Talk(max_uploads=1)
    talk.upload("cat")
    for text in ("One", "Two", "Three"):
        sent = await talk.turn(text)
    assert pictures(sent) == [data_url("cat"), data_url("camera 3")]


async def test_later_expiry_does_not_touch_a_request_that_was_sent() -> None:
    """A request that is still being read by its provider's client keeps its picture."""
    talk = Talk(max_uploads=1)
    talk.upload("cat")
    sent = await talk.turn("One")
    talk.upload("dog")
    await talk.turn("Two")
    assert pictures(sent) == [data_url("cat"), data_url("camera 1")]
    assert pictures(talk.history) == [data_url("dog"), data_url("camera 2")]


async def test_image_memory_is_bounded_after_a_hundred_turns() -> None:
    """Turn 100 carries and keeps as many picture bytes as turn 3, in the request, in history and in memory."""
    talk = Talk(max_uploads=2)
    carried, kept = [], []
    for number in range(100):
        if number % 3 == 0:
            talk.upload(f"cat {number:03}")
        await talk.request(said("a speculation that comes to nothing"))
        sent = await (talk.adopted_turn if number % 2 else talk.turn)(f"{number}")
        carried.append(len(pictures(sent)))
        kept.append(len(pictures(talk.history)))  # the session holds on to the same messages
    assert carried[3:] == kept[3:] == [3] * 97
    assert len(talk.memory._shown) <= 16


async def test_what_never_completes_does_not_pile_up() -> None:
    """The oldest reply goes first; the newest is there."""
    talk = Talk()
    for number in range(100):
        await talk.request(said(f"{number}"))
    known = [number for number in range(1, 101) if talk.memory.shown_for(f"speech_{number}") is not None]
    assert known == list(range(93, 101))


async def test_pictures_of_a_reply_that_is_over_are_not_held() -> None:
    """But for the newest one's, which a scene that has not changed would be compared with."""
    talk = Talk()
    for number in range(6):
        await talk.turn(f"Question {number}")
        talk.memory.forget(talk.reply)
        talk.memory.forget(talk.reply)
    known = [number for number in range(1, 7) if talk.memory.shown_for(f"speech_{number}") is not None]
    assert known == [6]
    talk.sight.blind(Blind("muted", "camera"))
    await talk.turn("And now?")
    talk.memory.forget(talk.reply)
    assert talk.memory.shown_for("speech_6") is not None
    assert talk.memory.shown_for("speech_7") is None
    talk.memory.forget("never heard of")
