"""Pictures that somebody gave are messages of their own, and stay as long as they should."""

from livekit.agents.llm import ChatContext, ChatMessage

from agent.uploads.message import background_message, upload_message, uploads_in
from agent.vision.history import open_question, recent
from tests.fakes import data_url, picture
from tests.talk import Talk, images_of, pictures, said

ADDRESS = "https://example.com/plan.png"


def background() -> ChatMessage:
    """Two pictures that the call begins with, and one that was not to be had."""
    message = background_message([picture("logo"), ADDRESS], 1, "auto")
    assert message is not None
    return message


def test_upload_of_somebody_else_says_so() -> None:
    """The model must not take a stranger's words for its user's."""
    message = upload_message(picture("cat"), "1", by="another participant", caption="mine", at=0, detail="low")
    assert message.content[0] == "[Picture uploaded by another participant] mine"
    assert images_of(message)[0].inference_detail == "low"


def test_uploads_whose_pictures_are_carried_are_told() -> None:
    """One that has expired is not refused with the request."""
    kept, expired = (upload_message(picture(key), key, caption="", at=0, detail="auto") for key in "12")
    expired.content = ["gone"]
    assert uploads_in([background(), said("Hello"), kept, expired]) == ["1"]


def test_background_gives_pictures_and_addresses() -> None:
    """An address that is passed through is the provider's to fetch."""
    message = background()
    assert [content for content in message.content if isinstance(content, str)] == [
        "[Pictures that belong to your instructions:]",
        "[1 of the pictures that belong to your instructions could not be loaded.]",
    ]
    assert [str(image.image) for image in images_of(message)] == [data_url("logo"), ADDRESS]


def test_no_background_is_no_message() -> None:
    """And what could not be had at all is still told."""
    assert background_message([], 0, "auto") is None
    message = background_message([], 2, "auto")
    assert message is not None
    assert message.content == ["[2 of the pictures that belong to your instructions could not be loaded.]"]


def test_background_is_not_a_question() -> None:
    """A greeting answers nobody, and carries its view in a message of its own."""
    assert open_question([background()]) is None
    assert open_question([background(), said("Hello")]) is not None


def test_background_stays_when_old_turns_go() -> None:
    """As the instructions do."""
    head = [ChatMessage(role="system", content=["You see."]), background()]
    turns = [said(f"turn {number}") for number in range(10)]
    kept = recent([*head, *turns], 4)
    assert kept[:2] == head
    assert kept[2:] == turns[6:]


async def test_background_rides_with_every_request_and_never_expires() -> None:
    """However many views and uploads come after it."""
    talk = Talk()
    talk.history.items.insert(1, background())
    for number in range(6):
        talk.upload(f"cat {number}")
        sent = await talk.turn(f"turn {number}")
    assert pictures(sent)[:2] == [data_url("logo"), ADDRESS]
    assert len(pictures(sent)) == 2 + 3 + 1


async def test_background_that_a_provider_refused_is_not_sent_again() -> None:
    """Each later turn would be refused, and asked twice."""
    talk = Talk()
    talk.history.items.insert(1, background())
    question = said("What do you see?")
    sent = await talk.request(question)
    again = talk.refused(ChatContext([*talk.history.items, question]), sent)
    assert pictures(again) == []
    assert pictures(await talk.turn("And now?")) == [data_url("camera 2")]
