"""What a request asks, and the picture to answer it from."""

import re
from dataclasses import dataclass

from sandbox.control.entries import SeenImage, SeenMessage
from sandbox.control.script import spoken_part
from sandbox.llm.brain import Notes, about_upload

_UPLOADED = re.compile(r"^\s*\[[^\]]*\bupload", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """The words that wait for an answer, and what goes with them."""

    text: str
    picture: SeenImage | None
    notes: Notes
    called: frozenset[str] = frozenset()
    """Names of the tools that were called for it."""


def question_of(messages: list[SeenMessage]) -> Question:
    """The question that a request puts, and the picture to answer it from."""
    place = _asking(messages)
    if place is None:
        return Question("", None, Notes())
    asking, since = messages[place], messages[place:]
    text = spoken_part(asking.text)
    called = frozenset(call.name for message in since for call in message.tool_calls)
    results = [number for number, message in enumerate(since) if message.role == "tool"]
    if results:
        # Whatever was shown with the question, the tool's picture is what was asked for.
        pictures = _pictures(since[results[-1] :])
        failure = "" if pictures else _bare(since[results[-1]].text) or "it brought no picture"
        return Question(text, pictures[-1] if pictures else None, Notes(fetched=True, failure=failure), called)
    if about_upload(text):
        earlier = [message for message in messages[:place] if message.role == "user" and message.images]
        source = earlier[-1] if earlier and not _UPLOADED.search(asking.text) else asking
        if source.images:
            caption = spoken_part(source.text) if source is not asking else ""
            return Question(text, source.images[-1], Notes(upload=True, caption=caption), called)
    notes = [line for message in since if message.role == "user" for line in _notes(message.text)]
    if pictures := _pictures(since):
        return Question(text, pictures[-1], Notes(upload=any("upload" in note.lower() for note in notes)), called)
    return Question(text, None, Notes(blind_reason=notes[-1] if notes else ""), called)


def _asking(messages: list[SeenMessage]) -> int | None:
    """Where the question is: the last user message, or, where that only brings a picture, the words before it."""
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    if not users:
        return None
    for place in range(users[-1], -1, -1):
        message = messages[place]
        if message.role == "user" and spoken_part(message.text):
            return place
        if message.role == "assistant" and message.text and not message.tool_calls:
            # Those words have their answer: the picture came by itself.
            break
    return users[-1]


def _pictures(messages: list[SeenMessage]) -> list[SeenImage]:
    return [image for message in messages if message.role == "user" for image in message.images]


def _notes(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [_bare(line) for line in lines if line.startswith("[") and line.endswith("]")]


def _bare(line: str) -> str:
    return line.strip().removeprefix("[").removesuffix("]").strip()
