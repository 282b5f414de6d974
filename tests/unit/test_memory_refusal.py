"""Requests whose pictures the model refused."""

from livekit.agents.llm import ChatContext

from agent.vision.memory import Shown
from agent.vision.view import Blind
from tests.fakes import data_url
from tests.talk import Talk, pictures, said

REFUSED = "[A picture was here, but the model could not take it: you can't see it.]"


async def test_refused_request_is_made_again_in_words_alone() -> None:
    """Every picture is named as one that could not be shown; every word stays where it was."""
    talk = Talk()
    talk.upload("cat")
    await talk.turn("Hello")
    question = said("How old is she?")
    sent = await talk.request(question)
    context = talk.history.copy()
    context.items.append(question)
    again = talk.refused(context, sent)
    assert pictures(sent) == [data_url("cat"), data_url("camera 2")]  # the refused request itself is not changed
    assert [message.content for message in again.messages()] == [
        ["You see."],
        ["[Picture uploaded by the user] my cat", REFUSED],
        ["Hello", "[view of the user's camera at 22:13:21 UTC, no longer shown]"],
        ["I see."],
        ["How old is she?", REFUSED],
    ]
    assert [item.id for item in again.items] == [item.id for item in sent.items]


async def test_refused_request_keeps_tool_calls_and_blind_lines() -> None:
    """What holds no picture is sent as it was."""
    talk = Talk()
    talk.upload("cat")
    question = said("How old is she?")
    talk.sight.blind(Blind("muted", "camera"))
    await talk.request(question)
    sent = await talk.request(question, *talk.tool("a"), again=talk.reply)
    again = talk.refused(ChatContext([*talk.history.items, question]), sent)
    assert again.items[2:] == sent.items[2:]
    assert talk.shown() == Shown(Blind("muted", "camera"), images=0, question=question.id)


async def test_refused_uploads_leave_the_history_for_good() -> None:
    """One of them may be why: the next turn carries its view alone, and the user's words as they were said."""
    talk = Talk()
    uploads = [talk.upload("cat"), talk.upload("dog")]
    question = said("How old are they?")
    sent = await talk.request(question)
    talk.refused(ChatContext([*talk.history.items, question]), sent)
    talk.history.items.append(question)
    talk.answer()
    assert pictures(talk.history) == []
    trace = "[uploaded picture at 22:13:20 UTC, no longer shown]"
    assert [upload.content for upload in uploads] == [["[Picture uploaded by the user] my cat", trace]] * 2
    assert question.content == ["How old are they?"]
    assert pictures(await talk.turn("And now?")) == [data_url("camera 2")]


async def test_reply_whose_pictures_were_refused_is_known_to_be_blind() -> None:
    """Evidence must not name a picture that the model never took."""
    talk = Talk()
    talk.upload("cat")
    question = said("How old is she?")
    sent = await talk.request(question)
    talk.refused(ChatContext([*talk.history.items, question]), sent)
    assert talk.shown() == Shown(Blind("refused", "camera"), images=0, question=question.id)


async def test_refused_speculation_that_is_adopted_leaves_words_alone() -> None:
    """History shows what the reply was made from."""
    talk = Talk()
    speculation, committed = said("What is this?"), said("What is this?")
    sent = await talk.request(speculation)
    talk.refused(ChatContext([*talk.history.items, speculation]), sent)
    talk.memory.adopt(committed, talk.history.items)
    assert committed.content == ["What is this?"]


async def test_refused_generated_reply_leaves_history_as_it_was() -> None:
    """Its view stood in the request alone, and is named there as refused."""
    talk = Talk()
    await talk.turn("One")
    sent = await talk.request()
    before = [list(message.content) for message in talk.history.messages()]
    again = talk.refused(talk.history, sent)
    assert again.messages()[-1].content == ["[The user's camera now.]", REFUSED]
    assert [message.content for message in talk.history.messages()] == before
    assert talk.shown() == Shown(Blind("refused", "camera"), images=0, question=None)


async def test_refused_request_leaves_a_line_of_the_views_that_the_model_took_before() -> None:
    """Only the view of this reply was never seen; those of the turns before it were, and expire like any other."""
    talk = Talk(max_views=3)
    await talk.turn("One")
    question = said("Two")
    sent = await talk.request(question)
    talk.refused(ChatContext([*talk.history.items, question]), sent)
    assert talk.history.messages()[1].content == ["One", "[view of the user's camera at 22:13:21 UTC, no longer shown]"]
    assert question.content == ["Two"]
