"""What a reply's tools brought to light, and the requests that carry it."""

from livekit.agents.llm import ChatContext, ChatMessage

from agent.vision.view import Blind, Look, Shot
from tests.fakes import FakeSight, data_url, view
from tests.talk import Talk, lines, pictures, said


def shot(text: str, part: str = "") -> Shot:
    """One look by a tool."""
    return view(text, part=part).shots[0]


async def asked(talk: Talk, text: str = "What does it say?") -> ChatMessage:
    """A question in history, for which the model was asked once and called a tool."""
    question = said(text)
    await talk.request(question)
    talk.history.items.append(question)
    return question


async def test_look_rides_on_the_replys_next_requests() -> None:
    """At the end, after the tool's own words, and again on each request until the reply is complete."""
    talk = Talk()
    await asked(talk)
    talk.history.items.extend(talk.tool("a"))
    talk.memory.also_show(talk.reply, [shot("closer", "top left")])
    for _ in range(2):
        sent = await talk.request(again=talk.reply)
        assert pictures(sent) == [data_url("camera 1"), data_url("closer")]
        assert [item.type for item in sent.items[-3:]] == ["function_call", "function_call_output", "message"]
        assert lines(sent) == ["[The user's camera, top left, in full resolution, at 22:13:20 UTC.]"]
        assert (talk.shown().images, talk.shown().looks) == (2, (shot("closer", "top left"),))


async def test_looks_never_enter_history() -> None:
    """So they can't be taken for what the user shows, and go by themselves."""
    talk = Talk()
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("closer")])
    before = [list(message.content) for message in talk.history.messages()]
    await talk.request(*talk.tool("a"), again=talk.reply)
    assert [message.content for message in talk.history.messages()] == before


async def test_looks_are_gone_with_the_next_turn() -> None:
    """And with a reply on request: what one reply asked for is not the next one's business."""
    talk = Talk()
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("closer")])
    await talk.request(*talk.tool("a"), again=talk.reply)
    talk.answer()
    assert pictures(await talk.request()) == [data_url("camera 2")]
    assert pictures(await talk.turn("And now?")) == [data_url("camera 3")]
    assert talk.shown().looks == ()


async def test_looks_of_one_reply_are_not_shown_to_another() -> None:
    """Two replies may be under way at the same time."""
    talk = Talk()
    question = await asked(talk)
    slow = talk.reply
    await talk.request()
    talk.memory.also_show(slow, [shot("closer")])
    assert data_url("closer") not in pictures(await talk.request(again=talk.reply))
    assert pictures(await talk.request(again=slow))[-1] == data_url("closer")
    assert talk.shown(slow).question == question.id


async def test_newest_looks_are_carried_when_there_are_too_many() -> None:
    """In the order in which they were taken."""
    talk = Talk(max_looks=2)
    await asked(talk)
    for number in range(4):
        talk.memory.also_show(talk.reply, [shot(f"look {number}")])
        sent = await talk.request(*talk.tool(f"{number}"), again=talk.reply)
    assert pictures(sent)[1:] == [data_url("look 2"), data_url("look 3")]


async def test_more_looks_at_once_than_fit_are_refused() -> None:
    """Those before them are shown, as their receipts say; the others may be asked for again."""
    talk = Talk(max_looks=2)
    await asked(talk)
    taken = [talk.memory.also_show(talk.reply, [shot(f"at once {number}")]) for number in range(3)]
    assert taken == [True, True, False]
    sent = await talk.request(again=talk.reply)
    assert pictures(sent)[1:] == [data_url("at once 0"), data_url("at once 1")]
    assert talk.memory.also_show(talk.reply, [shot("again")]) is True


async def test_look_that_no_request_carried_is_no_evidence() -> None:
    """The caller interrupts before the request that would have: the reply was not made from it."""
    talk = Talk()
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("closer")])
    assert talk.shown().looks == ()


async def test_looks_stand_beside_the_views_of_earlier_turns() -> None:
    """Neither takes the other's place."""
    talk = Talk(max_views=2)
    await talk.turn("One")
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("closer")])
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("camera 2"), data_url("closer")]


async def test_look_of_a_generated_reply_comes_after_its_view() -> None:
    """It called a tool of its own accord."""
    talk = Talk()
    await talk.request()
    talk.memory.also_show(talk.reply, [shot("closer")])
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("camera 1"), data_url("closer")]
    assert talk.history.messages()[-1].role == "system"


async def test_look_of_a_reply_that_nobody_knows_is_dropped() -> None:
    """Its first request is what makes a reply known, or it was forgotten long ago."""
    talk = Talk()
    talk.memory.also_show("unknown", [shot("closer")])
    assert talk.memory.shown_for("unknown") is None
    await asked(talk)
    assert pictures(talk.history) == [data_url("camera 1")]


async def test_blind_reply_may_be_shown_what_is_recalled() -> None:
    """It is told why there is nothing to see now, and sees what was seen then."""
    talk = Talk()
    talk.sight.blind(Blind("muted", "camera"))
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("earlier")])
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("earlier")]
    assert [line.split(",")[0] for line in lines(sent)] == [
        "[No picture: the user's camera is muted",
        "[The user's camera",
    ]
    assert talk.shown().look == Blind("muted", "camera")


async def test_look_that_comes_while_a_request_is_made_is_carried_by_it() -> None:
    """A tool that goes on beside the conversation may be done at any moment."""
    talk = Talk()
    await asked(talk)
    talk.now += 60  # the reply's view is too old by then: the request looks anew, and that takes its time

    class Slow(FakeSight):
        async def look(self) -> Look:
            talk.memory.also_show(talk.reply, [shot("closer")])
            return await super().look()

    talk.memory.sight = Slow()
    assert pictures(await talk.request(again=talk.reply))[-1] == data_url("closer")
    assert talk.shown().looks == (shot("closer"),)


async def test_refused_reply_has_no_looks_any_more() -> None:
    """One of them may be why it was refused."""
    talk = Talk()
    await asked(talk)
    talk.memory.also_show(talk.reply, [shot("closer")])
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    again = talk.refused(ChatContext([*talk.history.items]), sent)
    assert pictures(again) == []
    assert lines(again)[-1] == "[A picture was here, but the model could not take it: you can't see it.]"
    assert talk.shown().looks == ()
