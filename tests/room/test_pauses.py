"""Adaptive attention: the video is delivered only while a turn may need it, and every turn sees all the same."""

import asyncio

import pytest

from sandbox.caller.caller import Caller
from sandbox.caller.journal import SoundBegan, VisionStatus
from sandbox.caller.scenes import Counter
from sandbox.turn import of_that_moment
from tests.room.conftest import RigWith
from tests.room.rig import Rig, shown_as

ADAPTIVE = {"VISION__ATTENTION": "adaptive", "LOG__LEVEL": "debug"}


def deliveries(rig: Rig) -> list[bool]:
    """How often and which way the delivery of the caller's video was switched."""
    return [line["enabled"] for line in rig.logged("video_delivery")]


async def dark(rig: Rig) -> None:
    """Wait until the video is paused."""
    async with asyncio.timeout(60):
        while deliveries(rig)[-1:] != [False]:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("publisher", ["plain", "dynacast"])
async def test_turns_after_a_silence_see_the_moment(rig_with: RigWith, publisher: str) -> None:
    """The video pauses in the silence, the status keeps its name, and what is asked then is answered from now."""
    rig = await rig_with(ADAPTIVE)
    dynacast = publisher == "dynacast"
    async with rig.caller(dynacast=dynacast) as caller:
        await caller.show(Counter(), simulcast=dynacast)
        await rig.call(caller)
        await shown_as(caller, "camera")
        turns = []
        for question in (rig.ask(caller), rig.write(caller, "And now?"), rig.ask(caller)):
            await dark(rig)
            # A dynacast publisher stops encoding after five seconds in which nobody looked.
            await asyncio.sleep(6)
            turns.append(await question)
    assert [of_that_moment(turn) for turn in turns] == [True] * 3
    statuses = [event.status for event in caller.journal.of(VisionStatus)]
    assert set(statuses[statuses.index("camera") :]) == {"camera"}
    assert deliveries(rig).count(False) >= 3


async def test_source_that_was_paused_when_it_was_left_is_seen_again(rig_with: RigWith) -> None:
    """Camera, screen and camera again, each while nothing is delivered."""
    rig = await rig_with(ADAPTIVE)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await shown_as(caller, "camera")
        await dark(rig)
        await caller.show(Counter(1280, 720), "screen")
        await shown_as(caller, "screen")
        screen = await rig.ask(caller)
        await dark(rig)
        await caller.unpublish("screen")
        await shown_as(caller, "camera", after=screen.asked)
        await dark(rig)
        camera = await rig.ask(caller)
        logged = await rig.until_logged("turn_completed", 2)
    assert [of_that_moment(turn) for turn in (screen, camera)] == [True, True]
    assert [line["frame_source"] for line in logged] == ["screen", "camera"]


async def test_camera_that_stalled_in_a_pause_is_never_sent_as_current(rig_with: RigWith) -> None:
    """No picture and an honest line, and sight again with the first turn after it has come back."""
    rig = await rig_with(ADAPTIVE)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        await dark(rig)
        caller.freeze("camera")
        await asyncio.sleep(3)  # what was seen last is too old by then
        stalled = await rig.ask(caller)
        await dark(rig)
        caller.freeze("camera", frozen=False)
        back = await rig.ask(caller)
    assert stalled.images == []
    assert "[No picture: the user's camera" in stalled.request.messages[-1].text
    assert of_that_moment(back)


async def test_interruption_sees_the_moment(rig_with: RigWith) -> None:
    """While the agent speaks for long nothing is delivered; the caller who interrupts is seen."""
    rig = await rig_with(ADAPTIVE)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        await long_answer(rig, caller)
        await dark(rig)
        turn = await rig.ask(caller)
    assert of_that_moment(turn)


async def long_answer(rig: Rig, caller: Caller) -> None:
    """Have the agent speak for a quarter of a minute, and wait until it has begun."""
    await rig.sandbox.script("Tell me a long story.", "And then the lighthouse keeper went up the stairs again. " * 5)
    spoken = await caller.speak_pcm(rig.speech.pcm, rig.speech.sample_rate)
    await caller.journal.wait_for(SoundBegan, after=spoken.ended, timeout_s=60)


async def test_long_silence_is_looked_into_now_and_then(rig_with: RigWith) -> None:
    """A camera that stalls in a silence is known by the next refresh, before anybody asks."""
    rig = await rig_with({**ADAPTIVE, "VISION__REFRESH_S": "2"})
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await shown_as(caller, "camera")
        await dark(rig)
        caller.freeze("camera")
        await shown_as(caller, "stale")
        caller.freeze("camera", frozen=False)
        await shown_as(caller, "camera", after=caller.journal.of(VisionStatus)[-1].at)
        turn = await rig.ask(caller)
    assert of_that_moment(turn)
