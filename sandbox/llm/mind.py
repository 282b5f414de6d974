"""What the stand-in model answers to a conversation, whichever protocol brought it."""

import re
from collections.abc import Callable
from dataclasses import replace

from sandbox.control.entries import Entry, SeenMessage, ToolCall
from sandbox.control.state import State
from sandbox.llm import brain, tools
from sandbox.llm.question import Question, question_of

Answer = str | ToolCall

_QUOTED = re.compile(r'"([^"]+)"')


async def think(
    state: State,
    entry: Entry,
    messages: list[SeenMessage],
    *,
    offered: tuple[str, ...],
    must_call: bool,
    picture: Callable[[str], bytes],
) -> Answer:
    """The answer: of the script, in exact mode a numbered one, else by looking.

    Args:
        state: The sandbox.
        entry: The request, whose id numbers what is scripted.
        messages: What it carries.
        offered: Names of the tools that may be called.
        must_call: Words alone are no answer.
        picture: Gives the file of a picture in the messages by its SHA-256.
    """
    question = question_of(messages)
    left = [name for name in offered if name not in question.called]
    scripted = state.script.answer(question.text, entry.id)
    if scripted is not None:
        # Every request for the sentence gets the call until one brings its result: the first may be a speculation.
        call = state.script.call(question.text)
        return _numbered(call, entry.id) if call and call.name in left else scripted
    if "report" in left:
        return await _watched(state, entry, question, picture)
    if call := tools.choose(question.text, left, must=must_call):
        return _numbered(call, entry.id)
    view, notes = None, question.notes
    about_sight = brain.needs_sight(question.text) or not question.text or notes.upload or notes.fetched
    if question.picture and about_sight:
        sha256 = question.picture.sha256
        view = await state.senses.eyes.look(picture(sha256), sha256)
    return brain.answer(question.text, view, notes)


async def _watched(state: State, entry: Entry, question: Question, picture: Callable[[str], bytes]) -> Answer:
    """What a watch hears: a report when the picture comes to have the words that its prompt puts in quotation marks."""
    wanted = _QUOTED.findall(question.text)
    said = "over" in entry.tools
    if not wanted or question.picture is None:
        return "no"
    view = await state.senses.eyes.look(picture(question.picture.sha256), question.picture.sha256)
    read = " ".join(view.text_lines).casefold()
    if not all(words.casefold() in read for words in wanted):
        return _numbered(ToolCall("over", {}), entry.id) if said else "no"
    if said:
        return "no"
    return _numbered(ToolCall("report", {"words": f"Now it says {' and '.join(wanted)}."}), entry.id)


def _numbered(call: ToolCall, number: int) -> ToolCall:
    return replace(call, id=f"call_{number}")
