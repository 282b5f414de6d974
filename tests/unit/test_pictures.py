"""How pictures and their absence are put to the model."""

from dataclasses import replace

import pytest
from livekit.agents.llm import ChatItem, ChatMessage, ImageContent
from livekit.agents.llm.chat_context import ChatContent

from agent.uploads.message import upload_message
from agent.vision.pictures import (
    copied,
    expire,
    has_view,
    own_message,
    pictures,
    tool_message,
    why_blind,
    with_look,
)
from agent.vision.track import BlindReason
from agent.vision.view import Blind, View
from tests.fakes import data_url, picture, view
from tests.talk import images_of


def test_line_names_what_is_muted() -> None:
    """A muted screen share is not called a camera."""
    assert "screen share is muted" in why_blind(Blind("muted", "screen"))
    assert "camera is muted" in why_blind(Blind("muted", "camera"))


def test_line_denies_only_what_would_be_looked_at() -> None:
    """Where the camera alone is wanted, the user may well share a screen."""
    assert "shares neither camera nor screen" in why_blind(Blind("none"))
    assert "shares no camera, " in why_blind(Blind("none", "camera"))
    assert "shares no screen, " in why_blind(Blind("none", "screen"))


def test_line_about_a_camera_that_just_came_on_denies_nothing() -> None:
    """Its picture is on the way: the user is not told that they can't be seen."""
    line = why_blind(Blind("starting", "camera"))
    assert "camera has only just come on" in line
    assert "can't see" not in line
    assert "screen share has only just come on" in why_blind(Blind("starting", "screen"))


def test_upload_message_keeps_what_the_sender_said_out_of_its_name() -> None:
    """A stream id with our own separator is not taken for anything else."""
    message = upload_message(picture("cat"), "view:1:2", caption="", at=1_700_000_000.9, detail="high")
    assert message.content[0] == "[Picture uploaded by the user]"
    [image] = images_of(message)
    assert image.id == "upload:1700000000:view:1:2"
    assert image.inference_detail == "high"
    assert message.created_at == 1_700_000_000.9


@pytest.mark.parametrize("reason", ["off", "refused"])
def test_nothing_is_told_where_there_is_nothing_to_tell(reason: BlindReason) -> None:
    """Sight that is off is no news, and a refused picture is named where it was."""
    assert why_blind(Blind(reason, "camera")) == ""


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("muted", "is muted"),
        ("starting", "has only just come on"),
        ("late", "did not answer in time"),
        ("stale", "has sent nothing for a while"),
        ("failed", "can't be read"),
    ],
)
def test_each_reason_has_its_words(reason: BlindReason, words: str) -> None:
    """Alone, and beside a picture of the other source."""
    for source, name in (("camera", "camera"), ("screen", "screen share")):
        blind = Blind(reason, source)  # type: ignore[arg-type]
        assert f"{name} {words}" in why_blind(blind)
        [_, _, line] = contents(own_message(View(view("it").shots, (blind,)), "auto"))
        assert isinstance(line, str)
        assert line.startswith(f"[No picture from the user's {name}: it {words}")
        assert "can't see" not in line


def contents(messages: list[ChatItem]) -> list[ChatContent]:
    """What the only message holds."""
    [message] = messages
    assert isinstance(message, ChatMessage)
    assert message.role == "user"
    return message.content


def in_brief(messages: list[ChatItem]) -> list[str]:
    """As above, with each picture by its address."""
    return [content.image if isinstance(content, ImageContent) else content for content in contents(messages)]  # type: ignore[misc]


SCREEN, CAMERA = view("s", "screen"), view("c", "camera")
BOTH = View((*SCREEN.shots, *CAMERA.shots))


def test_picture_of_a_reply_on_request_is_introduced() -> None:
    """No words of the user stand beside it."""
    assert in_brief(own_message(CAMERA, "auto")) == ["[The user's camera now.]", data_url("c")]
    assert in_brief(own_message(SCREEN, "auto")) == ["[The user's screen now.]", data_url("s")]


def test_two_pictures_each_say_which_they_are() -> None:
    """The model can't tell by the order."""
    expected = ["[The user's screen:]", data_url("s"), "[The user's camera:]", data_url("c")]
    assert in_brief(own_message(BOTH, "auto")) == expected
    question = ChatMessage(role="user", content=["Look", *pictures(BOTH, "auto")])
    assert in_brief([with_look(question, BOTH)]) == ["Look", *expected]
    assert in_brief([copied(question)]) == ["Look", *expected]
    assert len(question.content) == 3  # the labels are of the request: history holds the pictures alone


def test_one_picture_of_two_says_what_is_missing() -> None:
    """Without a label: there is nothing to take it for."""
    look = View(SCREEN.shots, (Blind("muted", "camera"),))
    line = "[No picture from the user's camera: it is muted.]"
    assert in_brief(own_message(look, "auto")) == ["[The user's screen now.]", data_url("s"), line]
    question = ChatMessage(role="user", content=["Look", *pictures(look, "auto")])
    assert in_brief([with_look(question, look)]) == ["Look", data_url("s"), line]


def test_upload_beside_one_view_is_no_second_view() -> None:
    """Only what one look shows is labelled."""
    message = upload_message(picture("cat"), "cat", caption="my cat", at=0, detail="auto")
    message.content += pictures(CAMERA, "auto")
    assert in_brief([copied(message)]) == ["[Picture uploaded by the user] my cat", data_url("cat"), data_url("c")]


def test_each_of_two_views_leaves_its_own_line() -> None:
    """In the order in which they were shown."""
    question = ChatMessage(role="user", content=["Look", *pictures(BOTH, "auto")])
    expire([question], keep_views_of={question.id}, max_uploads=0)
    assert has_view(question)
    expire([question], keep_views_of=(), max_uploads=0)
    assert not has_view(question)
    assert question.content == [
        "Look",
        "[view of the user's screen at 22:13:20 UTC, no longer shown]",
        "[view of the user's camera at 22:13:20 UTC, no longer shown]",
    ]


def test_what_tools_brought_to_light_says_what_and_when_it_was() -> None:
    """A part and an earlier picture are not taken for the present view."""
    part, earlier = view("p", part="top left"), view("e", "screen", taken_at=1_700_000_060.9)
    assert in_brief(tool_message([*part.shots, *earlier.shots], "low")) == [
        "[The user's camera, top left, in full resolution, at 22:13:20 UTC.]",
        data_url("p"),
        "[The user's screen, at 22:14:20 UTC.]",
        data_url("e"),
    ]
    assert tool_message([], "low") == []


def test_pictures_keep_their_type_and_their_detail() -> None:
    """A provider is told what it is sent."""
    shot = replace(CAMERA.shots[0], image=replace(picture("c"), mime="image/webp"))
    for content in (
        pictures(View((shot,)), "low"),
        contents(tool_message([shot], "low")),
        contents([upload_message(shot.image, "cat", caption="", at=0, detail="low")]),
    ):
        [image] = [one for one in content if isinstance(one, ImageContent)]
        assert (image.mime_type, image.inference_detail) == ("image/webp", "low")
        assert str(image.image).startswith("data:image/webp;base64,")
