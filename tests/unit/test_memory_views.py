"""The views of several turns in one request, and what is left of them in the end."""

import gc
import weakref

import pytest
from livekit.agents.llm import ChatMessage

from agent.vision.encoded import EncodedImage
from agent.vision.memory import Memory
from agent.vision.view import Blind, Look, View
from tests.fakes import FakeSight, data_url, picture
from tests.talk import Talk, images_of, lines, pictures, said


def cameras(*numbers: int) -> list[str]:
    """The addresses of these looks' pictures."""
    return [data_url(f"camera {number}") for number in numbers]


def trace(number: int) -> str:
    """The line that this look's view leaves."""
    return f"[view of the user's camera at 22:13:{20 + number} UTC, no longer shown]"


@pytest.mark.parametrize(
    ("max_views", "carried"),
    [(1, [(1,), (2,), (3,), (4,), (5,)]), (3, [(1,), (1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5)])],
)
async def test_request_carries_the_views_of_the_newest_turns(max_views: int, carried: list[tuple[int, ...]]) -> None:
    """This turn's and as many before it as there is room for, each at its own turn."""
    talk = Talk(max_views=max_views)
    for number, expected in enumerate(carried, start=1):
        sent = await (talk.adopted_turn if number % 2 else talk.turn)(f"{number}")
        assert pictures(sent) == pictures(talk.history) == cameras(*expected)
        asked = [message for message in sent.messages() if message.role == "user"]
        assert [len(images_of(message)) for message in asked[-len(expected) :]] == [1] * len(expected)


@pytest.mark.parametrize("max_views", [1, 3])
async def test_line_about_an_expired_view_is_written_once(max_views: int) -> None:
    """With each turn one more of them, none of which ever changes again."""
    talk = Talk(max_views=max_views)
    for number in range(1, 10):
        sent = await talk.turn(f"{number}")
        expected = [trace(old) for old in range(1, number - max_views + 1)]
        assert lines(sent) == lines(talk.history) == expected


async def test_blind_turn_takes_no_view_away() -> None:
    """What stays is what was seen in the newest sighted turns; a blind one has nothing to show in its place."""
    talk = Talk(max_views=3)
    for text in ("One", "Two", "Three"):
        await talk.turn(text)
    talk.sight.blind(Blind("muted", "camera"))
    assert pictures(await talk.turn("Four")) == cameras(2, 3)
    assert pictures(await talk.turn("Five")) == cameras(2, 3)
    talk.sight.show()
    assert pictures(await talk.turn("Six")) == cameras(2, 3, 6)


async def test_generated_reply_counts_as_one_of_the_views() -> None:
    """Its own view rides beside those of the turns before, and is gone with the next request."""
    talk = Talk(max_views=3)
    for text in ("One", "Two", "Three"):
        await talk.turn(text)
    assert pictures(await talk.request()) == cameras(2, 3, 4)
    talk.answer("By the way.")
    assert pictures(await talk.turn("Four")) == cameras(2, 3, 5)


async def test_discarded_speculations_take_no_view_away() -> None:
    """However often a turn is begun, it is one turn."""
    talk = Talk(max_views=3)
    for text in ("One", "Two"):
        await talk.turn(text)
    for text in ("Thr", "Three", "Three, and"):
        assert pictures(await talk.request(said(text)))[:2] == cameras(1, 2)
    assert pictures(await talk.adopted_turn("Three, and more")) == cameras(1, 2, 6)


async def test_tool_follow_up_carries_the_earlier_views_too() -> None:
    """The question keeps its own, which counts once."""
    talk = Talk(max_views=2)
    await talk.turn("One")
    await talk.turn("Two")
    question = said("Three")
    await talk.request(question)
    sent = await talk.request(question, *talk.tool("a"), again=talk.reply)
    assert pictures(sent) == cameras(2, 3)


async def test_two_pictures_are_one_view() -> None:
    """Both stay, and both go, each in its line."""
    talk = Talk(max_views=2)
    talk.sight.show("screen", "camera")
    for text in ("One", "Two", "Three"):
        sent = await talk.turn(text)
    assert pictures(sent) == [data_url(f"{source} {number}") for number in (2, 3) for source in ("screen", "camera")]
    assert lines(sent) == [
        "[view of the user's screen at 22:13:21 UTC, no longer shown]",
        "[view of the user's camera at 22:13:21 UTC, no longer shown]",
        *["[The user's screen:]", "[The user's camera:]"] * 2,
    ]
    assert talk.shown().images == 4


async def test_labels_and_reasons_are_of_the_request_alone() -> None:
    """History holds the words and the pictures, so that an expired view leaves nothing but its line."""
    talk = Talk()
    talk.sight.show("screen", missing=(Blind("muted", "camera"),))
    sent = await talk.turn("One")
    assert lines(sent) == ["[No picture from the user's camera: it is muted.]"]
    assert lines(talk.history) == []
    talk.sight.show("screen", "camera")
    await talk.turn("Two")
    assert lines(talk.history) == ["[view of the user's screen at 22:13:21 UTC, no longer shown]"]


class Watched(FakeSight):
    """Remembers without holding on to it every picture that was looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[weakref.ref[EncodedImage]] = []

    async def look(self) -> Look:
        look = await super().look()
        if isinstance(look, View):
            self.made += [weakref.ref(shot.image) for shot in look.shots]
        return look

    def alive(self) -> int:
        """How many of them still are in memory."""
        gc.collect()
        return sum(image() is not None for image in self.made)


@pytest.mark.parametrize("max_views", [1, 3])
async def test_pictures_of_expired_views_are_freed(max_views: int) -> None:
    """Nothing that a message was ever given keeps them: the session holds every message until the call ends."""
    talk = Talk(max_views=max_views)
    sight = Watched()
    talk.memory.sight = sight
    held: list[ChatMessage] = []
    for number in range(40):
        await talk.request(said("a speculation that comes to nothing"))
        await (talk.adopted_turn if number % 2 else talk.turn)(f"{number}")
        if number % 5 == 0:
            await talk.request()
            talk.answer()
        held = [item for item in talk.history.items if isinstance(item, ChatMessage)]
    assert sum(len(images_of(message)) for message in held) == max_views
    assert sum("base64" in str(content) for message in held for content in message.content) == max_views
    assert len(sight.made) == 88
    assert sight.alive() <= 16  # as many as replies are remembered, so that their turns can be reported


async def test_what_was_sent_is_counted() -> None:
    """Every picture of every request, speculations and retries included, with the bytes that it had there."""
    talk = Talk(max_views=2)
    one = len(data_url("camera 1"))
    assert (talk.memory.sent_images, talk.memory.sent_bytes) == (0, 0)
    await talk.request(said("One"))
    await talk.request(said("One"), again=talk.reply)
    assert (talk.memory.sent_images, talk.memory.sent_bytes) == (2, 2 * one)
    await talk.turn("One")
    assert (talk.memory.sent_images, talk.memory.sent_bytes) == (3, 3 * one)
    talk.upload("cat")
    await talk.turn("Two")
    assert (talk.memory.sent_images, talk.memory.sent_bytes) == (6, 5 * one + len(data_url("cat")))
    talk.sight.blind(Blind("muted", "camera"))
    await talk.turn("Three")
    assert (talk.memory.sent_images, talk.memory.sent_bytes) == (8, 6 * one + 2 * len(data_url("cat")))


async def test_refused_pictures_were_sent_and_are_not_sent_again() -> None:
    """They went over the wire once; the request in words adds none."""
    talk = Talk()
    question = said("One")
    sent = await talk.request(question)
    talk.refused(talk.history, sent)
    assert talk.memory.sent_images == 1


async def test_bytes_are_counted_as_they_are_sent() -> None:
    """In base64, which is a third more than the file."""
    memory = Memory(FakeSight())
    talk = Talk()
    talk.memory = memory
    await talk.turn("One")
    assert memory.sent_bytes == len(picture("camera 1").data_url) > len(picture("camera 1").data)
