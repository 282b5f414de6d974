"""Uploads enter the conversation, and are answered if their senders ask for it: once, and when nobody speaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.gallery import Gallery
from agent.uploads.decoder import Picture
from agent.uploads.intake import Upload
from tests.fakes import data_url, picture
from tests.session import Call, calling
from tests.talk import pictures


def upload(key: str, *, sender: str = "ann", reply: bool = False, followed_by: asyncio.Event | None = None) -> Upload:
    """A verified picture."""
    return Upload(key, sender, Picture(picture(key), "PNG"), f"This is {key}.", reply, followed_by)


@asynccontextmanager
async def gallery(call: Call) -> AsyncIterator[Gallery]:
    """The gallery of a call whose caller is Ann."""
    made = Gallery(call.agent, call.session, is_caller=lambda identity: identity == "ann", detail="auto")
    made.open()
    try:
        yield made
    finally:
        await made.aclose()


async def until_asked(call: Call, requests: int) -> None:
    """Wait until the model was sent so many requests, and their answers are there."""
    async with asyncio.timeout(30):
        while len(call.turns) < requests:  # noqa: ASYNC110 - the session tells nobody
            await asyncio.sleep(0.01)


async def test_upload_waits_until_the_session_runs() -> None:
    """What comes early is not lost."""
    async with calling() as call:
        made = Gallery(call.agent, call.session, is_caller=lambda _: True, detail="auto")
        adding = asyncio.create_task(made.add(upload("cat")))
        await asyncio.sleep(0)
        assert not adding.done()
        made.open()
        await adding
        assert pictures(call.agent.chat_ctx) == [data_url("cat")]


async def test_upload_without_a_wish_is_seen_by_the_next_turn() -> None:
    """And is answered by nobody before."""
    async with calling() as call, gallery(call) as made:
        await made.add(upload("cat"))
        await call.reply("How old is she?")
        assert [pictures(request) for request in call.model.requests] == [[data_url("cat"), data_url("camera 1")]]


async def test_somebody_elses_upload_is_not_taken_for_the_users() -> None:
    """By its words, now and when its picture has gone."""
    async with calling() as call, gallery(call) as made:
        await made.add(upload("cat", sender="bob"))
        message = call.agent.chat_ctx.messages()[-1]
        assert message.text_content == "[Picture uploaded by another participant] This is cat."
        call.memory.max_uploads = 0
        await call.reply("Hello")
        assert "the user" not in (message.text_content or "")


async def test_pictures_in_one_go_are_answered_together() -> None:
    """The first waits until the second is in."""
    async with calling() as call, gallery(call) as made:
        settled = asyncio.Event()
        await made.add(upload("cat", reply=True, followed_by=settled))
        await made.add(upload("dog", reply=True))
        settled.set()
        await until_asked(call, 1)
        await call.reply("Thanks")
        assert [len(pictures(request)) for request in call.model.requests] == [3, 3]


async def test_picture_is_answered_though_the_next_one_never_comes() -> None:
    """Within seconds."""
    async with calling() as call, gallery(call) as made:
        await made.add(upload("cat", reply=True, followed_by=asyncio.Event()))
        await until_asked(call, 1)
        assert len(pictures(call.model.requests[0])) == 2


async def test_upload_that_was_answered_meanwhile_is_not_answered_again() -> None:
    """The user asked about it while it came."""
    async with calling() as call, gallery(call) as made:
        settled = asyncio.Event()
        await made.add(upload("cat", reply=True, followed_by=settled))
        made.answered(["cat"])
        settled.set()
        await call.reply("How old is she?")
        await call.session.wait_for_idle()
        assert len(call.model.requests) == 1


async def test_nothing_is_answered_after_the_end() -> None:
    """However the call ended."""
    async with calling() as call, gallery(call) as made:
        await call.session.aclose()
        await made.add(upload("cat", reply=True))
        await asyncio.gather(*made._answering)
        assert call.model.requests == []
