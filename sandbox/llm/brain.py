"""What the stand-in model says: plain words about what it sees, and honesty about the rest."""

import re
from dataclasses import dataclass

from sandbox.llm.eyes import View

DARK = 28.0
"""Mean brightness, of 255, below which a picture shows nothing."""

MAX_READ_CHARS = 300
"""A page of text is not read out to its end: somebody has to listen to it."""

SELF = (
    "I am the offline stand-in, not a language model. I can read text, name colours, decode QR codes "
    "and describe what you show me. Set OPENAI_API_KEY or OPENAI_BASE_URL to plug in a real model."
)

_SMALL_TALK = (
    (r"\b(hello|hi|hey|good (morning|afternoon|evening))\b", "Hello! Show me something and ask me about it."),
    (r"\bhow are you\b", "I am fine, thank you. What would you like me to look at?"),
    (r"\b(thanks|thank you)\b", "You are welcome."),
    (r"\b(goodbye|bye)\b", "Goodbye!"),
    (r"\b(your name|who are you)\b", SELF),
)
_CODE = re.compile(r"\b(q\.? ?r\.?|queue are|cue are|code|barcode)\b")
_COLOUR = re.compile(r"\bcolou?rs?\b")
_READ = re.compile(
    r"\b(read|say|says|said|written|text|sign|label|title|word|words|letters?|numbers?|spell|screen say"
    r"|print(ed)?|serial)\b"
)
_DESCRIBE = re.compile(
    r"\b(see|seeing|look|looking|watch|describe|show|showing|shown|picture|photo|image|upload|camera|screen"
    r"|holding|this|that|these|those)\b"
)
_UPLOAD = re.compile(
    r"\b(upload(ed)?|attach(ed|ment)?|photo|picture|image|file)\b.*\b(sent|send|upload(ed)?|shared|gave|attached)\b"
    r"|\b(sent|upload(ed)?|shared|attached)\b.*\b(picture|photo|image|file)\b|\b(upload|attachment)\b"
)


@dataclass(frozen=True)
class Notes:
    """What the conversation says around the question."""

    blind_reason: str = ""
    """Why there is no picture, as the worker put it, without its brackets."""
    upload: bool = False
    """The picture was sent by the user, not taken by a camera."""
    caption: str = ""
    """The words that came with an upload."""
    fetched: bool = False
    """A tool was asked for the picture, so the question is about one, whatever its words."""
    failure: str = ""
    """Why the tool brought none, as it put it."""


def about_upload(question: str) -> bool:
    """Whether the question is about a picture that was sent, not about the camera."""
    return bool(_UPLOAD.search(question.lower()))


def needs_sight(question: str) -> bool:
    """Whether the question cannot be answered without a picture."""
    text = question.lower()
    return any(kind.search(text) for kind in (_CODE, _COLOUR, _READ, _DESCRIBE))


def answer(question: str, view: View | None, notes: Notes) -> str:
    """One or two sentences, to be spoken."""
    text = question.lower()
    if not text.strip():
        return describe(view) if view else "Hello! Show me something and ask me about it."
    about_sight = notes.fetched or needs_sight(question)
    for pattern, reply in _SMALL_TALK:
        if re.search(pattern, text) and not about_sight:
            return reply
    if not about_sight and not notes.upload:
        return SELF
    if view is None:
        return _blind(notes)
    return _about_caption(notes) + _look(text, view)


def describe(view: View) -> str:
    """The whole picture in a sentence or two."""
    if view.brightness < DARK and not view.text_lines:
        return "The picture is dark: I can make out nothing."
    parts = [f"I see {_colours(view)}."]
    if view.text_lines:
        parts.append(read(view))
    if view.qr:
        parts.append(f"There is a QR code with {_listed(view.qr)}.")
    return " ".join(parts)


def read(view: View) -> str:
    """The text in the picture."""
    if not view.text_lines:
        return "I find no text in the picture."
    text = " ".join(view.text_lines)
    if len(text) <= MAX_READ_CHARS:
        return f"It says: {text}."
    return f"It begins: {text[:MAX_READ_CHARS].rsplit(' ', 1)[0]}, and goes on."


def _look(text: str, view: View) -> str:
    if _CODE.search(text):
        return f"The QR code says: {_listed(view.qr)}." if view.qr else "I find no QR code in the picture."
    if _COLOUR.search(text):
        return f"I see {_colours(view)}."
    if _READ.search(text):
        return read(view)
    return describe(view)


def _blind(notes: Notes) -> str:
    if notes.failure:
        return f"I tried to look, but could not: {notes.failure.rstrip('.')}."
    if notes.blind_reason:
        return f"I cannot see anything right now: {notes.blind_reason.rstrip('.')}."
    return "I cannot see anything: no picture came with your question."


def _about_caption(notes: Notes) -> str:
    if not notes.upload:
        return ""
    return f"In the picture you sent, captioned {notes.caption}: " if notes.caption else "In the picture you sent: "


def _colours(view: View) -> str:
    if not view.colours:
        return "many colours, none of them large"
    return f"mostly {view.colours[0]}" + (f", with {_listed(view.colours[1:])}" if view.colours[1:] else "")


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
