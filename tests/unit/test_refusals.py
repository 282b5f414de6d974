"""A provider that refuses a request: asked again in words, and no call ends for it."""

from livekit.agents.llm import ChatContext

from agent.uploads.message import upload_message
from tests.fakes import data_url, picture
from tests.session import Call, calling
from tests.talk import pictures


def has_pictures(request: ChatContext) -> bool:
    """What a model without eyes refuses."""
    return bool(pictures(request))


async def upload(call: Call, key: str) -> None:
    """A verified picture enters the conversation."""
    context = call.agent.chat_ctx.copy()
    context.insert(upload_message(picture(key), key, caption="", at=1_700_000_000, detail="auto"))
    await call.agent.update_chat_ctx(context)


async def test_refused_request_is_asked_again_in_words() -> None:
    """One retry, which is answered; the uploads that it carried are told, and sent no more."""
    async with calling() as call:
        await upload(call, "cat")
        call.model.refuses = has_pictures
        await call.reply("How old is she?")
        assert [len(pictures(request)) for request in call.model.requests] == [2, 0]
        assert call.refused == ["cat"]
        call.model.refuses = lambda _: False
        await call.reply("And now?")
        assert pictures(call.model.requests[-1]) == [data_url("camera 2")]


async def test_refusal_that_is_not_about_the_pictures_costs_none_of_them() -> None:
    """A context that is too long, say: nobody is told that their picture was at fault, and the next turn has it."""
    async with calling() as call:
        await upload(call, "cat")
        call.model.refuses = lambda _: True
        await call.reply("How old is she?")
        assert call.refused == []
        call.model.refuses = lambda _: False
        await call.reply("And now?")
        assert data_url("cat") in pictures(call.model.requests[-1])


async def test_model_without_eyes_ends_no_call() -> None:
    """Every turn is answered, in words."""
    async with calling() as call:
        call.model.refuses = has_pictures
        for _ in range(8):
            await call.reply("What do you see?")
        assert len(call.turns) == 8
        assert len(call.model.requests) == 16


async def test_tool_does_not_show_a_refused_view_again() -> None:
    """A reply that was refused its view stays without."""
    async with calling(("recall", "{}"), ("recall", "{}")) as call:
        call.model.refuses = has_pictures
        await call.reply("What did you see?")
        assert [len(pictures(request)) for request in call.model.requests] == [1, 0, 0, 0]


async def test_model_that_refuses_everything_is_apologised_for() -> None:
    """Each time, in place of silence, and no such turn counts as answered."""
    async with calling() as call:
        call.model.refuses = lambda _: True
        for _ in range(5):
            await call.reply("Hello?")
        said = [item.text_content for item in call.session.history.messages() if item.role == "assistant"]
        assert said == ["Sorry, I can't answer right now. Please try again in a moment."] * 5
        assert call.turns == []
