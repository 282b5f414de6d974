"""Pictures that a caller sends: in the conversation, or refused with a reason, and the call goes on either way."""

import io

import numpy as np
from PIL import Image

from sandbox.caller.journal import UploadStatus
from sandbox.caller.scenes import Counter
from tests.fakes import plain
from tests.room.rig import Rig, fate


async def test_upload_joins_the_conversation(rig: Rig) -> None:
    """A PNG under a wrong name is told by its content, and the next turn has it beside the camera's view."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        stream_id = await caller.upload(plain((640, 400)), "holiday.txt", "text/plain", caption="This is my garden.")
        status = await caller.journal.wait_for(UploadStatus, timeout_s=30)
        turn = await rig.ask(caller, "What do you think of the picture?")
    assert status.data["stream_id"] == stream_id
    assert (status.data["status"], status.data["width"], status.data["height"]) == ("accepted", 640, 400)
    assert [image.mime for image in turn.images] == ["image/jpeg", "image/jpeg"]
    uploaded = next(message for message in turn.request.messages if "This is my garden." in message.text)
    assert (uploaded.images[0].width, uploaded.images[0].height) == (640, 400)
    assert turn.view_age_s is not None


async def test_upload_is_answered_at_once_when_asked(rig: Rig) -> None:
    """With `reply` the agent speaks without being spoken to, from the upload and from what the camera shows."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        before = caller.journal.of(UploadStatus)
        await caller.upload(plain((640, 400), file_format="WEBP"), reply=True, caption="What is this?")
        status = await caller.journal.wait_for(UploadStatus, timeout_s=30)
        reply = await caller.reply(after=status.at - 0.5, timeout_s=60)
        requests = await rig.sandbox.requests("llm")
    assert before == []
    request = next(entry for entry in requests if f"Answer {entry.id}." == reply.text)
    assert [len(message.images) for message in request.messages[-2:]] == [1, 1]


async def test_refused_uploads_leave_the_call_whole(rig: Rig) -> None:
    """Each sender is told why; nothing of it reaches the context, and the agent answers as before."""
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG")
    files = {
        "unsupported_type": b"just some words, not a picture at all",
        "damaged": out.getvalue()[: len(out.getvalue()) // 2],
        "too_large": bytes(10_000_001),
    }
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)  # a camera that has only just come on may be late on a busy machine
        for code, data in files.items():
            status = await fate(caller, await caller.upload(data, f"{code}.jpg"))
            assert (status.data["status"], status.data["code"]) == ("rejected", code)
            assert status.data["message"].endswith(".")
        turn = await rig.ask(caller)
        typed = await rig.write(caller, "Still there?")
    assert len(turn.images) == len(typed.images) == 1
    assert "uploaded" not in "".join(message.text for message in turn.request.messages[1:])


async def test_only_the_newest_uploads_stay(rig: Rig) -> None:
    """Of five pictures three are sent; the others left a line of text."""
    async with rig.caller() as caller:
        await rig.call(caller)
        for number in range(5):
            await fate(
                caller, await caller.upload(plain((320 + number * 2, 200), file_format="JPEG"), caption=f"No. {number}")
            )
        turn = await rig.ask(caller)
    assert [image.width for image in turn.images] == [324, 326, 328]
    text = "".join(message.text for message in turn.request.messages)
    assert text.count("no longer shown") == 2


async def test_other_participants_may_not_upload(rig: Rig) -> None:
    """The agent is the caller's: a stranger's picture is refused."""
    room = "test-stranger"
    async with rig.caller(room) as caller:
        await rig.call(caller)
        async with rig.caller(room, "stranger") as stranger:
            await stranger.upload(plain((640, 400)))
            status = await stranger.journal.wait_for(UploadStatus, timeout_s=30)
    assert (status.data["status"], status.data["code"]) == ("rejected", "not_allowed")
    assert caller.journal.of(UploadStatus) == []
