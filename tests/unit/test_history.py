"""What a request answers, and how much of the past it carries."""

from collections.abc import Callable

import pytest
from livekit.agents.llm import ChatContext, ChatItem, ChatMessage

from agent.uploads.message import upload_message
from agent.vision.history import open_question, recent
from tests.fakes import data_url, picture
from tests.talk import Talk, images_of, pictures, said


@pytest.mark.parametrize(
    ("items", "answers"),
    [
        pytest.param([], "nothing", id="nothing yet"),
        pytest.param(["system"], "nothing", id="instructions only"),
        pytest.param(["system", "user"], "question", id="a question"),
        pytest.param(["user", "system"], "question", id="a question with instructions for this reply"),
        pytest.param(["user", "assistant"], "nothing", id="answered"),
        pytest.param(["user", "assistant", "user"], "question", id="the next question"),
        pytest.param(["user", "user"], "question", id="two in a row, the first unanswered"),
        pytest.param(["user", "call", "output"], "follow_up", id="after a tool"),
        pytest.param(["user", "assistant", "call", "output"], "follow_up", id="after an announced tool"),
        pytest.param(["user", "call", "output", "assistant"], "nothing", id="answered after a tool"),
        pytest.param(["user", "upload"], "nothing", id="an upload to be answered"),
        pytest.param(["upload"], "nothing", id="an upload before any word"),
        pytest.param(["upload", "user"], "question", id="a question about an upload"),
        pytest.param(["call", "output"], "nothing", id="a tool before any word"),
        pytest.param(["user", "call", "output"], "nothing", id="a tool that another reply called"),
    ],
)
async def test_what_a_request_answers_is_read_from_its_items(items: list[str], answers: str) -> None:
    """A table of the shapes a context comes in; a tool's result is known by the reply that called it."""
    context = shaped(items)
    questions = [
        item for item, name in zip(context, items, strict=True) if isinstance(item, ChatMessage) and name == "user"
    ]
    asked = questions[-1] if answers != "nothing" else None
    assert open_question(context) is (asked if answers == "question" else None)
    talk = Talk()
    if answers == "follow_up":
        await talk.memory.request(ChatContext(context[: items.index("user") + 1]), "reply")
    sent = await talk.memory.request(ChatContext(context), "reply")
    assert talk.shown("reply").question == (None if asked is None else asked.id)
    assert pictures(sent)[-1] == data_url("camera 1")
    assert asked is None or [str(image.image) for image in images_of(asked)] == [data_url("camera 1")]


def shaped(items: list[str]) -> list[ChatItem]:
    """A conversation of these steps."""
    call, output = Talk().tool("a")
    made: dict[str, Callable[[], ChatItem]] = {
        "system": lambda: ChatMessage(role="system", content=["You see."]),
        "user": lambda: said("What is this?"),
        "assistant": lambda: ChatMessage(role="assistant", content=["A cat."]),
        "upload": lambda: upload_message(picture("cat"), "cat", caption="", at=0, detail="auto"),
        "call": lambda: call,
        "output": lambda: output,
    }
    return [made[item]() for item in items]


async def test_instructions_come_first_and_unchanged() -> None:
    """Also after the oldest turns were cut."""
    talk = Talk(max_turns=4)
    for number in range(20):
        sent = await talk.turn(f"Question {number}")
        assert sent.messages()[0].role == "system"
        assert sent.messages()[0].content == ["You see."]


async def test_history_is_cut_in_blocks() -> None:
    """The first kept turn moves once in a quarter of the limit, so the prefix stays the same in between."""
    talk = Talk(max_turns=8)
    first_kept = []
    counts = []
    for number in range(24):
        sent = await talk.turn(f"{number}")
        asked = [message for message in sent.messages() if message.role == "user"]
        first_kept.append(asked[0].content[0])
        counts.append(len(asked))
    assert max(counts) == 8
    assert min(counts[8:]) == 7
    assert first_kept[8:16] == ["2", "2", "4", "4", "6", "6", "8", "8"]
    assert len([item for item in talk.history.items if isinstance(item, ChatMessage)]) == 49


@pytest.mark.parametrize("turns", range(3, 40))
async def test_cut_history_never_begins_inside_a_tool_call(turns: int) -> None:
    """Every output that is sent has its call before it, also where a message came while the tool ran."""
    items: list[ChatItem] = [ChatMessage(role="system", content=["You see."])]
    for number in range(turns):
        call, output = Talk().tool(str(number))
        items += [said(f"{number}"), call, said("While the tool runs"), output]
        items.append(ChatMessage(role="assistant", content=["Done."]))
    kept = recent(items, 5)
    assert sum(isinstance(item, ChatMessage) and item.role == "user" for item in kept) in {4, 5}
    calls = set()
    for item in kept:
        if item.type == "function_call":
            calls.add(item.call_id)
        assert item.type != "function_call_output" or item.call_id in calls
    assert isinstance(kept[1], ChatMessage)
    assert kept[1].role == "user"
    assert kept[-1] is items[-1]


def test_short_history_is_not_cut() -> None:
    """At the limit everything is sent."""
    items: list[ChatItem] = [said(str(number)) for number in range(5)]
    assert recent(items, 5) == items


def test_many_uploads_push_out_nothing_that_was_said() -> None:
    """They are counted apart, so a hundred pictures between two questions leave the conversation whole."""
    words = [said(f"turn {number}") for number in range(4)]
    uploads = [upload_message(picture(f"{n}"), f"{n}", caption="", at=0, detail="auto") for n in range(50)]
    kept = recent([*words, *uploads, said("And these?")], 8)
    assert [item for item in kept if item in words] == words
    assert len([item for item in kept if item in uploads]) <= 8
    assert kept[-2] is uploads[-1]


def test_old_uploads_go_in_blocks() -> None:
    """So that what precedes stays byte for byte for a while."""
    uploads: list[ChatItem] = [
        upload_message(picture(f"{n}"), f"{n}", caption="", at=0, detail="auto") for n in range(12)
    ]
    assert [len(recent(uploads[:count], 8)) for count in range(8, 13)] == [8, 7, 8, 7, 8]
