"""What a provider's fault or someone else in the room does to a call: nothing that ends or betrays it."""

import io
from contextlib import AsyncExitStack

import pytest
from PIL import Image

from sandbox.caller.errors import NoReplyError
from sandbox.caller.journal import AgentState, UploadStatus, VisionStatus
from sandbox.caller.scenes import Counter
from tests.room.rig import Rig


def passport() -> bytes:
    """A picture that nobody else should get to see."""
    out = io.BytesIO()
    Image.new("RGB", (500, 300), "maroon").save(out, "JPEG")
    return out.getvalue()


async def test_refused_picture_costs_one_request_and_never_the_call(rig: Rig) -> None:
    """The model is asked again without pictures, is told so, and sees again on the next turn."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)  # by the end of it the camera's first frame is there
        await caller.upload(passport(), caption="My passport.")
        await caller.journal.wait_for(UploadStatus, timeout_s=30)
        await rig.sandbox.fault("llm", "refuse_image")
        refused = await rig.write(caller, "What do you see?")
        after = await rig.write(caller, "And now, once more?")
    assert refused.images == []
    assert "could not take it" in refused.request.messages[-1].text
    assert len(after.images) == 1  # the view; the upload might be what was refused, so it is gone for good
    assert after.drawn_at is not None


async def test_failing_model_ends_no_call(rig: Rig) -> None:
    """Turns that the model fails are apologised for; the agent stays, and answers as soon as the model does."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.sandbox.fault("llm", "error", count=40)
        for number in range(2):
            asked = await caller.type(f"Is anybody there, for the {number}. time?")
            assert (await caller.reply(after=asked, timeout_s=30)).text.startswith("Sorry, ")
        await rig.sandbox.clear()
        turn = await rig.write(caller, "And now?")
    assert len(turn.images) == 1


async def test_nobody_inherits_a_call(rig: Rig) -> None:
    """Who is in the room or joins later is neither served nor shown what the caller said and sent."""
    room = "test-heirs"
    async with AsyncExitStack() as present:
        alice = await present.enter_async_context(rig.caller(room, "alice"))
        await rig.call(alice)
        bob = await present.enter_async_context(rig.caller(room, "bob"))
        await alice.upload(passport(), caption="My secret passport.")
        await alice.journal.wait_for(UploadStatus, timeout_s=30)
        await rig.write(alice, "My number is four two.")
        await alice.leave()
        async with rig.caller(room, "carol") as carol:
            for stranger in (bob, carol):
                asked = await stranger.type("What did the other one send you?")
                with pytest.raises(NoReplyError):
                    await stranger.reply(after=asked, timeout_s=3)
    requests = await rig.sandbox.requests("llm")
    assert not any("other one" in message.text for request in requests for message in request.messages)


async def test_upload_during_speech_is_answered_from_the_moment_it_is_its_turn(rig: Rig) -> None:
    """The agent finishes its sentence first, and then looks: a camera muted meanwhile is not shown."""
    long = "One two three four five six seven eight nine ten eleven twelve. " * 3
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        first = await rig.ask(caller)  # by the end of it the camera's first frame is there
        await rig.sandbox.script("Please count.", long, typed=True)
        asked = await caller.type("Please count.")
        speaking = await caller.journal.wait_for(
            AgentState, after=asked, where=lambda event: event.state == "speaking", timeout_s=30
        )
        await caller.upload(passport(), reply=True)
        await caller.upload(passport(), reply=True)
        caller.mute("camera")
        await caller.journal.wait_for(VisionStatus, where=lambda event: event.status == "muted", timeout_s=30)
        done = await caller.journal.wait_for(
            AgentState, after=speaking.at, where=lambda event: event.state == "listening", timeout_s=60
        )
        await caller.journal.wait_for(
            AgentState, after=done.at, where=lambda event: event.state == "listening", timeout_s=60
        )
        counted, *answers = await rig.sandbox.requests("llm", since=first.request.id)
    assert len(counted.messages[-1].images) == 1
    assert len(answers) == 1  # one reply for both
    assert answers[0].started > done.at - 1
    assert "muted" in answers[0].messages[-1].text
    assert [len(message.images) for message in answers[0].messages if message.images] == [1, 1]
