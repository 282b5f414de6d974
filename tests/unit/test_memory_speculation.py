"""Speculative requests: which view a turn keeps when its reply was begun before it was over."""

from livekit.agents.llm import ChatMessage, ImageContent

from agent.vision.memory import Shown
from agent.vision.pictures import why_blind
from agent.vision.view import Blind
from tests.fakes import data_url, view
from tests.talk import Talk, images_of, lines, pictures, said


async def test_turn_without_a_request_keeps_no_earlier_view() -> None:
    """What the hook gives a turn is never the picture of the turn before."""
    talk = Talk()
    await talk.adopted_turn("One")
    skipped = said("Two")
    talk.memory.adopt(skipped, talk.history.items)
    assert skipped.content == ["Two"]


async def test_adopted_speculation_leaves_its_very_picture_in_history() -> None:
    """What the model saw is what history says it saw."""
    talk = Talk()
    sent = await talk.adopted_turn("What is this?")
    assert pictures(sent) == pictures(talk.history) == [data_url("camera 1")]
    assert talk.sight.looks == 1
    [sent_image], [kept_image] = images_of(sent.messages()[-1]), images_of(talk.history.messages()[1])
    assert kept_image.id == sent_image.id


async def test_adopted_speculation_after_others_leaves_the_latest_picture() -> None:
    """The framework adopts only its newest attempt."""
    talk = Talk()
    await talk.request(said("What"))
    await talk.request(said("What is"))
    sent = await talk.adopted_turn("What is this?")
    assert pictures(sent) == pictures(talk.history) == [data_url("camera 3")]


async def test_adopted_speculation_follow_up_reuses_the_view() -> None:
    """The reply that is adopted is the speculation's, and goes on under its id."""
    talk = Talk()
    speculation = said("What is this?")
    await talk.request(speculation)
    committed = said("What is this?")
    talk.memory.adopt(committed, talk.history.items)
    speculation.content = committed.content.copy()
    talk.history.items.append(speculation)
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert pictures(sent) == [data_url("camera 1")]
    assert talk.sight.looks == 1


async def test_adopted_blind_speculation_stays_blind_in_history() -> None:
    """The picture of the turn before does not slip into a turn that was answered without one."""
    talk = Talk()
    await talk.turn("One")
    talk.sight.blind(Blind("muted", "camera"))
    sent = await talk.adopted_turn("Two")
    assert pictures(sent) == []
    assert talk.history.messages()[-2].content == ["Two"]


async def test_speculation_that_is_not_adopted_is_replaced_by_a_fresh_view() -> None:
    """The confirmed turn is another request at another moment."""
    talk = Talk()
    await talk.request(said("What is"))
    committed = said("What is this?")
    talk.memory.adopt(committed, talk.history.items)
    sent = await talk.request(committed)
    assert pictures(sent) == [data_url("camera 2")]
    assert [str(image.image) for image in images_of(committed)] == [data_url("camera 2")]


async def test_speculation_and_the_reply_to_the_confirmed_turn_each_know_their_own_picture() -> None:
    """They are two replies, under two ids, to two messages."""
    talk = Talk()
    speculation, committed = said("What is"), said("What is this?")
    await talk.request(speculation)
    talk.memory.adopt(committed, talk.history.items)
    await talk.request(committed)
    assert talk.shown("speech_1") == Shown(view("camera 1", taken_at=1_700_000_001), 1, speculation.id, "What is")
    assert talk.shown("speech_2") == Shown(view("camera 2", taken_at=1_700_000_002), 1, committed.id, "What is this?")


async def test_stale_view_of_a_speculation_is_gone_when_sight_is_blind_by_then() -> None:
    """A camera that was muted between speculation and turn is not shown as if it were on."""
    talk = Talk()
    await talk.request(said("What is"))
    committed = said("What is this?")
    talk.memory.adopt(committed, talk.history.items)
    talk.sight.blind(Blind("muted", "camera"))
    sent = await talk.request(committed)
    assert pictures(sent) == []
    assert images_of(committed) == []
    assert lines(sent) == [why_blind(Blind("muted", "camera"))]


async def test_turn_without_speculation_never_keeps_the_view_of_the_turn_before() -> None:
    """The hook runs for every spoken turn, speculative or not."""
    talk = Talk()
    await talk.turn("One")
    committed = said("Two")
    talk.memory.adopt(committed, talk.history.items)
    sent = await talk.request(committed)
    assert pictures(sent) == [data_url("camera 2")]
    assert [str(image.image) for image in images_of(committed)] == [data_url("camera 2")]


async def test_first_turn_without_any_request_before_is_left_alone() -> None:
    """Nothing was shown yet, so there is nothing to adopt."""
    message = said("Hello")
    Talk().memory.adopt(message, [])
    assert message.content == ["Hello"]


async def test_adopting_leaves_foreign_pictures_and_words_alone() -> None:
    """Only a view is ours to replace."""
    talk = Talk()
    await talk.request(said("What"))
    foreign = ImageContent(image="https://example.com/a.jpg")
    committed = ChatMessage(role="user", content=["What", foreign, "is this?"])
    talk.memory.adopt(committed, talk.history.items)
    assert committed.content[:3] == ["What", foreign, "is this?"]


async def test_turn_never_takes_the_view_of_another_question() -> None:
    """A tool's follow-up of the first question comes between the second one's speculation and its confirmation."""
    talk = Talk()
    first, second = said("One?"), said("Two?")
    await talk.request(first)
    asking = talk.reply
    talk.history.items.append(first)
    await talk.request(second)
    await talk.request(*talk.tool("a"), again=asking)
    committed = said("Two?")
    talk.memory.adopt(committed, talk.history.items)
    assert [image.image for image in images_of(committed)] == [data_url("camera 2")]


async def test_same_words_again_are_another_turn() -> None:
    """Without a request of its own it has no view, whatever was shown when the same was said before."""
    talk = Talk()
    await talk.turn("And now?")
    committed = said("And now?")
    talk.memory.adopt(committed, talk.history.items)
    assert images_of(committed) == []
