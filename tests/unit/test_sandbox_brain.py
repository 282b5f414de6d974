"""What the stand-in says, and which picture it looks at."""

import pytest

from sandbox.control.entries import SeenImage, SeenMessage
from sandbox.llm.brain import SELF, Notes, about_upload, answer
from sandbox.llm.eyes import View
from sandbox.llm.question import question_of

SIGN = View(("ROOM 4711", "Wet paint"), ("blue", "white"), 120.0, (), 1024, 576)
CODE = View((), ("white", "black"), 180.0, ("https://example.com",), 640, 480)
DARK = View((), ("black",), 4.0, (), 640, 480)


@pytest.mark.parametrize(
    ("question", "view", "expected"),
    [
        ("What does the sign say?", SIGN, "It says: ROOM 4711 Wet paint."),
        ("Can you read this for me?", SIGN, "It says: ROOM 4711 Wet paint."),
        ("What is written on the card?", CODE, "I find no text in the picture."),
        ("What color is it?", SIGN, "I see mostly blue, with white."),
        ("What colours are there?", SIGN, "I see mostly blue, with white."),
        ("What do you see?", SIGN, "I see mostly blue, with white. It says: ROOM 4711 Wet paint."),
        ("What do you see?", DARK, "The picture is dark: I can make out nothing."),
        ("What is in the QR code?", CODE, "The QR code says: https://example.com."),
        ("Scan the code", SIGN, "I find no QR code in the picture."),
        ("How are you today?", SIGN, "I am fine, thank you. What would you like me to look at?"),
        ("Thank you!", None, "You are welcome."),
        ("What is your name?", SIGN, SELF),
        ("What is the capital of France?", SIGN, SELF),
    ],
)
def test_questions_are_answered_from_the_view(question: str, view: View | None, expected: str) -> None:
    """Plain words about what is there, and honesty about the rest."""
    assert answer(question, view, Notes()) == expected


def test_blindness_is_admitted_with_its_reason() -> None:
    """No guess without a picture."""
    assert answer("What do you see?", None, Notes("camera: muted")) == (
        "I cannot see anything right now: camera: muted."
    )
    assert "no picture came" in answer("Read this", None, Notes())


def test_long_texts_are_not_read_to_the_end() -> None:
    """A page is begun, not recited."""
    page = View(tuple(["many words on a line"] * 100), ("white",), 200.0, (), 800, 600)
    reply = answer("What does it say?", page, Notes())
    assert len(reply) < 350
    assert reply.endswith("and goes on.")


def image(name: str) -> SeenImage:
    """A picture that can be told from others."""
    return SeenImage(name, 1, 8, 8, "image/jpeg", "low")


def test_the_last_user_message_is_looked_at() -> None:
    """Its newest image, and no older message's."""
    question = question_of(
        [
            SeenMessage("user", "Before", [image("old")]),
            SeenMessage("assistant", "Yes"),
            SeenMessage("user", "What is this?", [image("first"), image("second")]),
            SeenMessage("assistant", ""),
        ]
    )
    assert question.text == "What is this?"
    assert question.picture == image("second")


def test_a_stale_picture_is_never_used() -> None:
    """A last message without an image is blind, whatever came before, and tells why."""
    question = question_of(
        [SeenMessage("user", "Before", [image("old")]), SeenMessage("user", "And now?\n[camera: muted]")]
    )
    assert question.picture is None
    assert question.notes.blind_reason == "camera: muted"
    assert question.text == "And now?"


@pytest.mark.parametrize(
    "text",
    ["What is in the picture I sent?", "Describe the photo that I uploaded", "I uploaded a file, what does it say?"],
)
def test_an_upload_is_found_behind_the_camera(text: str) -> None:
    """A question about what was sent is about the newest earlier picture, with its caption."""
    assert about_upload(text)
    question = question_of(
        [SeenMessage("user", "my cat", [image("cat")]), SeenMessage("user", text, [image("camera")])]
    )
    assert question.picture == image("cat")
    assert question.notes == Notes(upload=True, caption="my cat")
    assert answer("describe the picture I sent", SIGN, question.notes).startswith(
        "In the picture you sent, captioned my cat: "
    )


def test_the_camera_is_no_upload() -> None:
    """Talk about pictures in general is not about something sent."""
    assert not about_upload("What is in the picture?")
    assert not about_upload("What do you see?")


def test_no_user_message_is_no_question() -> None:
    """A greeting made from instructions alone gets a greeting."""
    question = question_of([SeenMessage("system", "Greet the user.")])
    assert question.picture is None
    assert answer(question.text, None, question.notes).startswith("Hello!")
