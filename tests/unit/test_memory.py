"""Which pictures each request carries, and what earlier ones leave behind."""

from collections.abc import Callable

import pytest
from livekit.agents.llm import ChatContext, ChatItem, ChatMessage, FunctionCall, FunctionCallOutput, ImageContent

from agent.vision.history import open_question, recent
from agent.vision.memory import Memory, Shown
from agent.vision.pictures import upload_message, why_blind
from agent.vision.sight import Blind, View
from tests.fakes import FakeSight, data_url, view


class Talk:
    """A conversation, moved on as the framework does it (see `AgentActivity` in livekit-agents 1.8.9).

    Each request gets a copy of the history, which shares its messages; a turn enters history only once it counts.
    """

    def __init__(self, **options: int):
        self.sight = FakeSight()
        self.now = 1_700_000_010.0
        self.memory = Memory(self.sight, clock=lambda: self.now, **options)  # type: ignore[arg-type]
        self.history = ChatContext.empty()
        self.history.add_message(role="system", content="You see.")
        self.replies = 0

    @property
    def reply(self) -> str:
        """Id of the newest reply."""
        return f"speech_{self.replies}"

    async def request(self, *more: ChatItem, again: str = "") -> ChatContext:
        """One model request over the history and what is not part of it yet: for a new reply, or `again` for one."""
        if not again:
            self.replies += 1
        context = self.history.copy()
        context.items.extend(more)
        return await self.memory.request(context, again or self.reply)

    def shown(self, reply: str = "") -> Shown:
        """What a reply was made from: the newest one, or another."""
        shown = self.memory.shown_for(reply or self.reply)
        assert shown is not None
        return shown

    async def turn(self, text: str) -> ChatContext:
        """A turn without speculation (or typed), answered."""
        message = said(text)
        sent = await self.request(message)
        self.history.items.append(message)
        self.answer()
        return sent

    async def adopted_turn(self, text: str) -> ChatContext:
        """A turn whose speculative reply is adopted, answered."""
        speculation = said(text)
        sent = await self.request(speculation)
        committed = said(text)
        self.memory.adopt(committed)
        speculation.content = committed.content.copy()
        self.history.items.append(speculation)
        self.answer()
        return sent

    def answer(self, text: str = "I see.") -> None:
        """The agent's words enter history."""
        self.history.add_message(role="assistant", content=text)

    def upload(self, name: str) -> ChatMessage:
        """A verified picture enters history."""
        message = upload_message(data_url(name), name, caption="my cat", at=1_700_000_000, detail="auto")
        self.history.items.append(message)
        return message

    def tool(self, name: str) -> list[ChatItem]:
        """A tool call and its output, not part of history yet."""
        call = FunctionCall(call_id=name, name="look_up", arguments="{}")
        return [call, FunctionCallOutput(call_id=name, name="look_up", output="done", is_error=False)]


def said(text: str) -> ChatMessage:
    """What the user said, as the framework wraps it: each time under another id."""
    return ChatMessage(role="user", content=[text])


def pictures(context: ChatContext) -> list[str]:
    """The addresses of all pictures, in order."""
    return [str(image.image) for message in context.messages() for image in images_of(message)]


def images_of(message: ChatMessage) -> list[ImageContent]:
    """The pictures of one message."""
    return [content for content in message.content if isinstance(content, ImageContent)]


def lines(context: ChatContext) -> list[str]:
    """Every line of text in square brackets: what we say about pictures."""
    texts = [content for message in context.messages() for content in message.content if isinstance(content, str)]
    return [text for text in texts if text.startswith("[")]


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


async def test_turn_without_a_request_keeps_no_earlier_view() -> None:
    """What the hook gives a turn is never the picture of the turn before."""
    talk = Talk()
    await talk.adopted_turn("One")
    skipped = said("Two")
    talk.memory.adopt(skipped)
    assert skipped.content == ["Two"]


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
    talk.memory.adopt(committed)
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
    talk.memory.adopt(committed)
    sent = await talk.request(committed)
    assert pictures(sent) == [data_url("camera 2")]
    assert [str(image.image) for image in images_of(committed)] == [data_url("camera 2")]


async def test_speculation_and_the_reply_to_the_confirmed_turn_each_know_their_own_picture() -> None:
    """They are two replies, under two ids, to two messages."""
    talk = Talk()
    speculation, committed = said("What is"), said("What is this?")
    await talk.request(speculation)
    talk.memory.adopt(committed)
    await talk.request(committed)
    assert talk.shown("speech_1") == Shown(view("camera 1", taken_at=1_700_000_001), 1, speculation.id)
    assert talk.shown("speech_2") == Shown(view("camera 2", taken_at=1_700_000_002), 1, committed.id)


async def test_stale_view_of_a_speculation_is_gone_when_sight_is_blind_by_then() -> None:
    """A camera that was muted between speculation and turn is not shown as if it were on."""
    talk = Talk()
    await talk.request(said("What is"))
    committed = said("What is this?")
    talk.memory.adopt(committed)
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
    talk.memory.adopt(committed)
    sent = await talk.request(committed)
    assert pictures(sent) == [data_url("camera 2")]
    assert [str(image.image) for image in images_of(committed)] == [data_url("camera 2")]


async def test_first_turn_without_any_request_before_is_left_alone() -> None:
    """Nothing was shown yet, so there is nothing to adopt."""
    message = said("Hello")
    Talk().memory.adopt(message)
    assert message.content == ["Hello"]


async def test_adopting_leaves_foreign_pictures_and_words_alone() -> None:
    """Only a view is ours to replace."""
    talk = Talk()
    await talk.request(said("What"))
    foreign = ImageContent(image="https://example.com/a.jpg")
    committed = ChatMessage(role="user", content=["What", foreign, "is this?"])
    talk.memory.adopt(committed)
    assert committed.content[:3] == ["What", foreign, "is this?"]


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


async def test_upload_to_be_answered_is_answered_with_the_view() -> None:
    """An upload is no question: the reply to it is a generated one, and sees both pictures."""
    talk = Talk()
    await talk.turn("One")
    talk.upload("cat")
    sent = await talk.request()
    assert pictures(sent) == [data_url("cat"), data_url("camera 2")]


async def test_turn_after_an_upload_carries_both() -> None:
    """The question about the picture comes with the picture."""
    talk = Talk()
    talk.upload("cat")
    sent = await talk.turn("How old is she?")
    assert pictures(sent) == [data_url("cat"), data_url("camera 1")]
    assert talk.shown() == Shown(view_of(sent), images=2, question=talk.history.messages()[-2].id)


def view_of(sent: ChatContext) -> View:
    """The fake sight's view that a request carries; its text is the picture."""
    assert pictures(sent)[-1] == data_url("camera 1")
    return view("camera 1", taken_at=1_700_000_001)


async def test_newest_uploads_are_kept_and_older_ones_become_a_line() -> None:
    """The caption stays, the picture goes, in place."""
    talk = Talk(max_uploads=2)
    messages = [talk.upload(name) for name in ("cat", "dog", "owl")]
    sent = await talk.turn("Which is the oldest?")
    assert pictures(sent) == [data_url("dog"), data_url("owl"), data_url("camera 1")]
    assert messages[0].content == [
        "[Picture uploaded by the user] my cat",
        "[picture uploaded by the user at 22:13:20 UTC, no longer shown]",
    ]


async def test_no_uploads_at_all_when_none_are_wanted() -> None:
    """Zero means zero, not all."""
    talk = Talk(max_uploads=0)
    talk.upload("cat")
    assert pictures(await talk.turn("Look")) == [data_url("camera 1")]


async def test_view_does_not_count_as_an_upload() -> None:
    """Turns with a view do not push uploads out."""
    talk = Talk(max_uploads=1)
    talk.upload("cat")
    for text in ("One", "Two", "Three"):
        sent = await talk.turn(text)
    assert pictures(sent) == [data_url("cat"), data_url("camera 3")]


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


async def test_line_names_what_is_muted() -> None:
    """A muted screen share is not called a camera."""
    assert "screen share is muted" in why_blind(Blind("muted", "screen"))
    assert "camera is muted" in why_blind(Blind("muted", "camera"))


async def test_line_denies_only_what_would_be_looked_at() -> None:
    """Where the camera alone is wanted, the user may well share a screen."""
    assert "shares neither camera nor screen" in why_blind(Blind("none"))
    assert "shares no camera, " in why_blind(Blind("none", "camera"))
    assert "shares no screen, " in why_blind(Blind("none", "screen"))


async def test_line_about_a_camera_that_just_came_on_denies_nothing() -> None:
    """Its picture is on the way: the user is not told that they can't be seen."""
    line = why_blind(Blind("starting", "camera"))
    assert "camera has only just come on" in line
    assert "can't see" not in line
    assert "screen share has only just come on" in why_blind(Blind("starting", "screen"))


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
    again = talk.memory.without_pictures(context, sent, talk.reply)
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
    again = talk.memory.without_pictures(ChatContext([*talk.history.items, question]), sent, talk.reply)
    assert again.items[2:] == sent.items[2:]
    assert talk.shown() == Shown(Blind("muted", "camera"), images=0, question=question.id)


async def test_refused_uploads_leave_the_history_for_good() -> None:
    """One of them may be why: the next turn carries its view alone, and the user's words as they were said."""
    talk = Talk()
    uploads = [talk.upload("cat"), talk.upload("dog")]
    question = said("How old are they?")
    sent = await talk.request(question)
    talk.memory.without_pictures(ChatContext([*talk.history.items, question]), sent, talk.reply)
    talk.history.items.append(question)
    talk.answer()
    assert pictures(talk.history) == []
    trace = "[picture uploaded by the user at 22:13:20 UTC, no longer shown]"
    assert [upload.content for upload in uploads] == [["[Picture uploaded by the user] my cat", trace]] * 2
    assert question.content == ["How old are they?"]
    assert pictures(await talk.turn("And now?")) == [data_url("camera 2")]


async def test_reply_whose_pictures_were_refused_is_known_to_be_blind() -> None:
    """Evidence must not name a picture that the model never took."""
    talk = Talk()
    talk.upload("cat")
    question = said("How old is she?")
    sent = await talk.request(question)
    talk.memory.without_pictures(ChatContext([*talk.history.items, question]), sent, talk.reply)
    assert talk.shown() == Shown(Blind("refused", "camera"), images=0, question=question.id)


async def test_refused_speculation_that_is_adopted_leaves_words_alone() -> None:
    """History shows what the reply was made from."""
    talk = Talk()
    speculation, committed = said("What is this?"), said("What is this?")
    sent = await talk.request(speculation)
    talk.memory.without_pictures(ChatContext([*talk.history.items, speculation]), sent, talk.reply)
    talk.memory.adopt(committed)
    assert committed.content == ["What is this?"]


async def test_refused_generated_reply_leaves_history_as_it_was() -> None:
    """Its view stood in the request alone, and is named there as refused."""
    talk = Talk()
    await talk.turn("One")
    sent = await talk.request()
    before = [list(message.content) for message in talk.history.messages()]
    again = talk.memory.without_pictures(talk.history, sent, talk.reply)
    assert again.messages()[-1].content == ["[The user's camera now.]", REFUSED]
    assert [message.content for message in talk.history.messages()] == before
    assert talk.shown() == Shown(Blind("refused", "camera"), images=0, question=None)


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


async def test_later_expiry_does_not_touch_a_request_that_was_sent() -> None:
    """A request that is still being read by its provider's client keeps its picture."""
    talk = Talk(max_uploads=1)
    talk.upload("cat")
    sent = await talk.turn("One")
    talk.upload("dog")
    await talk.turn("Two")
    assert pictures(sent) == [data_url("cat"), data_url("camera 1")]
    assert pictures(talk.history) == [data_url("dog"), data_url("camera 2")]


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


async def test_image_memory_is_bounded_after_a_hundred_turns() -> None:
    """Turn 100 carries and keeps as many picture bytes as turn 3, in the request, in history and in memory."""
    talk = Talk(max_uploads=2)
    carried, kept = [], []
    for number in range(100):
        if number % 3 == 0:
            talk.upload(f"cat {number:03}")
        await talk.request(said("a speculation that comes to nothing"))
        sent = await (talk.adopted_turn if number % 2 else talk.turn)(f"{number}")
        carried.append(len(pictures(sent)))
        kept.append(len(pictures(talk.history)))  # the session holds on to the same messages
    assert carried[3:] == kept[3:] == [3] * 97
    assert len(talk.memory._shown) <= 16


async def test_what_never_completes_does_not_pile_up() -> None:
    """The oldest reply goes first; the newest is there."""
    talk = Talk()
    for number in range(100):
        await talk.request(said(f"{number}"))
    known = [number for number in range(1, 101) if talk.memory.shown_for(f"speech_{number}") is not None]
    assert known == list(range(85, 101))


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
    assert talk.shown() == Shown(view("camera 1", taken_at=1_700_000_001), images=1, question=question)
    assert talk.memory.shown_for("unknown") is None


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
        "upload": lambda: upload_message(data_url("cat"), "cat", caption="", at=0, detail="auto"),
        "call": lambda: call,
        "output": lambda: output,
    }
    return [made[item]() for item in items]


def test_upload_message_keeps_what_the_sender_said_out_of_its_name() -> None:
    """A stream id with our own separator is not taken for anything else."""
    message = upload_message(data_url("cat"), "view:1:2", caption="", at=1_700_000_000.9, detail="high")
    assert message.content[0] == "[Picture uploaded by the user]"
    [image] = images_of(message)
    assert image.id == "upload:1700000000:view:1:2"
    assert image.inference_detail == "high"
    assert message.created_at == 1_700_000_000.9
