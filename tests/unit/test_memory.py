"""Which view each request carries, and what earlier ones leave behind."""

import pytest
from livekit.agents.llm import ChatContext

from agent.vision.memory import Memory, Shown
from agent.vision.pictures import why_blind
from agent.vision.view import Blind, View
from tests.fakes import FakeSight, data_url, view
from tests.talk import Talk, images_of, lines, pictures, said


async def test_turn_gets_the_view_of_its_moment() -> None:
    """The request's last user message holds the words and the picture."""
    talk = Talk()
    sent = await talk.turn("What is this?")
    assert sent.messages()[-1].content[0] == "What is this?"
    assert pictures(sent) == [data_url("camera 1")]


async def test_view_is_sent_with_the_detail_that_was_set() -> None:
    """The provider is told how closely to look, and that it is a JPEG."""
    talk = Talk()
    talk.memory.detail = "low"
    [image] = images_of((await talk.turn("Look")).messages()[-1])
    assert (image.inference_detail, image.mime_type) == ("low", "image/jpeg")


async def test_history_keeps_the_view_of_the_present_turn() -> None:
    """A follow-up over the same history still has it."""
    talk = Talk()
    await talk.turn("What is this?")
    assert pictures(talk.history) == [data_url("camera 1")]


async def test_view_of_an_earlier_turn_becomes_one_line_in_place() -> None:
    """The message object stays the same, since the session holds on to it; only its picture goes."""
    talk = Talk()
    await talk.turn("One")
    message = talk.history.messages()[1]
    sent = await talk.turn("Two")
    assert pictures(sent) == [data_url("camera 2")]
    assert talk.history.messages()[1] is message
    assert message.content == ["One", "[view of the user's camera at 22:13:21 UTC, no longer shown]"]


async def test_line_about_an_earlier_view_never_changes_again() -> None:
    """Prompt caches hold only over text that stays as it is."""
    talk = Talk()
    await talk.turn("One")
    await talk.turn("Two")
    before = list(talk.history.messages()[1].content)
    await talk.turn("Three")
    await talk.turn("Four")
    assert talk.history.messages()[1].content == before


async def test_retry_reuses_the_view() -> None:
    """The same request again shows the same picture, once."""
    talk = Talk()
    question = said("What is this?")
    first = await talk.request(question)
    second = await talk.request(question, again=talk.reply)
    assert pictures(first) == pictures(second) == [data_url("camera 1")]
    assert talk.sight.looks == 1


async def test_tool_follow_up_reuses_the_view() -> None:
    """The answer belongs to the moment of the question, also when the tool was announced aloud."""
    talk = Talk()
    question = said("What is this?")
    await talk.request(question)
    talk.history.items.append(question)
    talk.answer("Let me look that up.")
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    again = await talk.request(*talk.tool("a"), *talk.tool("b"), again=talk.reply)
    assert pictures(sent) == pictures(again) == [data_url("camera 1")]
    assert sent.items[-1].type == "function_call_output"
    assert talk.sight.looks == 1
    assert talk.shown().question == question.id


async def test_tool_follow_up_of_a_generated_reply_reuses_its_own_view() -> None:
    """A tool that a reply on request calls has nothing to do with the last question, whose view may be minutes old."""
    talk = Talk()
    await talk.turn("What is this?")
    await talk.request()  # generate_reply()
    tool = talk.tool("a")
    sent = await talk.request(*tool, again=talk.reply)
    assert pictures(sent) == [data_url("camera 2")]
    assert lines(sent)[-1] == "[The user's camera now.]"
    talk.history.items.extend(tool)
    again = await talk.request(*talk.tool("b"), again=talk.reply)
    assert pictures(again) == [data_url("camera 2")]
    assert talk.shown().question is None
    assert talk.sight.looks == 2


async def test_follow_up_of_a_blind_reply_looks_again() -> None:
    """Only a view is worth keeping: the camera may have come on while the tool ran."""
    talk = Talk()
    question = said("What is this?")
    talk.sight.blind(Blind("starting", "camera"))
    await talk.request(question)
    talk.sight.show()
    sent = await talk.request(question, *talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("camera 2")]
    assert isinstance(talk.shown().look, View)


async def test_two_generated_replies_in_a_queue_keep_what_each_was_shown() -> None:
    """Both are asked for before either is spoken, and each is logged by its own picture."""
    talk = Talk()
    await talk.turn("One")
    sent = [await talk.request(), await talk.request()]
    assert [pictures(each) for each in sent] == [[data_url("camera 2")], [data_url("camera 3")]]
    assert talk.shown("speech_2") == Shown(view("camera 2", taken_at=1_700_000_002), images=1, question=None)
    assert talk.shown("speech_3") == Shown(view("camera 3", taken_at=1_700_000_003), images=1, question=None)


async def test_old_view_is_not_reused() -> None:
    """A request that follows long after the reply's first one, such as one after a slow tool, looks anew."""
    talk = Talk()
    question = said("One")
    await talk.request(question)
    talk.history.items.append(question)
    talk.now += 60
    sent = await talk.request(again=talk.reply)
    assert pictures(sent) == [data_url("camera 2")]


async def test_view_of_another_reply_is_not_reused() -> None:
    """A question that stayed unanswered is answered from the moment of its answer."""
    talk = Talk()
    question = said("One")
    await talk.request(question)
    talk.history.items.append(question)
    sent = await talk.request()
    assert pictures(sent) == [data_url("camera 2")]


async def test_turn_after_a_generated_reply_has_its_own_follow_up() -> None:
    """What was generated before the question does not change whose tool call it is."""
    talk = Talk()
    await talk.turn("One")
    await talk.request()
    talk.answer("By the way.")
    question = said("Two")
    await talk.request(question)
    talk.history.items.append(question)
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("camera 3")]
    assert talk.shown().question == question.id


async def test_generated_reply_gets_a_message_on_the_request_only() -> None:
    """A reply that answers nobody still sees, and history does not remember a user who said nothing."""
    talk = Talk()
    talk.answer("Hello.")
    before = list(talk.history.items)
    sent = await talk.request()
    last = sent.messages()[-1]
    assert last.role == "user"
    assert last.content[0] == "[The user's camera now.]"
    assert pictures(sent) == [data_url("camera 1")]
    assert talk.history.items == before
    assert pictures(talk.history) == []


async def test_each_generated_reply_looks_anew() -> None:
    """It has no moment of its own to go back to."""
    talk = Talk()
    await talk.request()
    sent = await talk.request()
    assert pictures(sent) == [data_url("camera 2")]
    assert isinstance(talk.shown().look, View)


async def test_generated_reply_expires_the_view_of_the_last_turn() -> None:
    """A request never carries two views."""
    talk = Talk()
    await talk.turn("One")
    sent = await talk.request()
    assert pictures(sent) == [data_url("camera 2")]
    assert pictures(talk.history) == []


async def test_view_of_a_screen_is_named_as_one() -> None:
    """In the line that stays as well as in a generated reply."""
    talk = Talk()
    talk.sight.show("screen")
    await talk.turn("One")
    sent = await talk.request()
    assert lines(sent) == [
        "[view of the user's screen at 22:13:21 UTC, no longer shown]",
        "[The user's screen now.]",
    ]


@pytest.mark.parametrize(
    "blind",
    [
        Blind("none"),
        Blind("none", "camera"),
        Blind("none", "screen"),
        Blind("starting", "camera"),
        Blind("starting", "screen"),
        Blind("muted", "camera"),
        Blind("muted", "screen"),
        Blind("stale", "camera"),
        Blind("failed", "screen"),
    ],
)
async def test_request_says_why_it_is_blind_and_history_does_not(blind: Blind) -> None:
    """The line is true for this request alone."""
    talk = Talk()
    talk.sight.blind(blind)
    sent = await talk.turn("What is this?")
    assert lines(sent) == [why_blind(blind)]
    assert "No picture" in why_blind(blind)
    assert talk.history.messages()[1].content == ["What is this?"]


async def test_blind_generated_reply_is_told_so() -> None:
    """It must not talk about what it can't see either."""
    talk = Talk()
    talk.sight.blind(Blind("none"))
    assert lines(await talk.request()) == [why_blind(Blind("none"))]
    assert talk.history.messages()[-1].role == "system"


async def test_sight_that_is_off_leaves_requests_untouched() -> None:
    """No picture and no word about pictures."""
    talk = Talk()
    talk.sight.blind(Blind("off"))
    sent = await talk.turn("Hello")
    generated = await talk.request()
    assert sent.messages()[-1].content == ["Hello"]
    assert lines(sent) == lines(generated) == []
    assert [item.id for item in generated.items] == [item.id for item in talk.history.items]


async def test_failed_look_leaves_no_trace() -> None:
    """A request that is cancelled while it looks is as if it had never been made."""

    class Cancelled(FakeSight):
        async def look(self) -> View:
            raise TimeoutError

    message = said("What is this?")
    memory = Memory(Cancelled())
    with pytest.raises(TimeoutError):
        await memory.request(ChatContext([message]), "speech_1")
    assert message.content == ["What is this?"]
    assert memory.shown_for("speech_1") is None


async def test_what_a_reply_was_shown_names_its_question_as_history_does() -> None:
    """The log of turns asks by the reply's id, and finds the question by the id that is in history."""
    talk = Talk()
    await talk.adopted_turn("What is this?")
    question = talk.history.messages()[1].id
    assert talk.shown() == Shown(
        view("camera 1", taken_at=1_700_000_001), images=1, question=question, asked="What is this?"
    )
    assert talk.memory.shown_for("unknown") is None
