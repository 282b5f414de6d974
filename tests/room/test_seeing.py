"""Every answer is made from what the caller showed at that moment, proved by the request behind the spoken answer."""

import asyncio
import itertools

import pytest

from sandbox.caller.scenes import Colour, Counter
from sandbox.turn import of_that_moment
from tests.room.conftest import RigWith
from tests.room.rig import Rig, shown_as


async def test_spoken_and_typed_turns_see_the_moment(rig: Rig) -> None:
    """Six spoken and three typed turns, each with exactly one picture, drawn at that moment."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        turns = [await rig.ask(caller) for _ in range(3)]
        turns += [await rig.write(caller, f"And now, for the {n}. time?") for n in range(3)]
        turns += [await rig.ask(caller) for _ in range(3)]
    assert [of_that_moment(turn) for turn in turns] == [True] * 9
    assert [len(turn.images) for turn in turns] == [1] * 9
    for before, turn in itertools.pairwise(turns):
        assert turn.drawn_at is not None
        assert turn.drawn_at > before.asked  # never the frame of the turn before


async def test_earlier_views_become_one_line_of_text(rig: Rig) -> None:
    """The third request holds two lines that tell of the views that were, and one picture."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        for _ in range(2):
            await rig.ask(caller)
        third = await rig.ask(caller)
    users = [message for message in third.request.messages if message.role == "user"]
    assert [len(message.images) for message in users] == [0, 0, 1]
    assert ["no longer shown" in message.text for message in users] == [True, True, False]


async def test_camera_published_later_is_seen(rig: Rig) -> None:
    """Without a camera the model knows; one that comes later is seen, and again after a break."""
    async with rig.caller() as caller:
        await rig.call(caller)
        before = await rig.ask(caller)
        await caller.show(Counter())
        await shown_as(caller, "camera")
        first = await rig.ask(caller)
        await caller.unpublish("camera")
        await shown_as(caller, "none", after=first.asked)
        between = await rig.ask(caller)
        await caller.show(Counter())
        await shown_as(caller, "camera", after=between.asked)
        again = await rig.ask(caller)
    assert [of_that_moment(turn) for turn in (before, first, between, again)] == [False, True, False, True]
    for blind in (before, between):
        assert blind.images == []
        assert "neither camera nor screen" in blind.request.messages[-1].text


async def test_muted_camera_is_never_sent(rig: Rig) -> None:
    """No picture while muted, one honest line instead, and sight again at once when it is back."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        caller.mute("camera")
        await shown_as(caller, "muted")
        muted = await rig.ask(caller)
        caller.unmute("camera")
        await shown_as(caller, "camera", after=muted.asked)
        back = await rig.ask(caller)
    assert muted.images == []
    assert "camera is muted" in muted.request.messages[-1].text
    assert of_that_moment(back)


async def test_stalled_camera_is_never_sent_as_current(rig_with: RigWith) -> None:
    """Frames that stop without any event are known by their age."""
    rig = await rig_with({"VISION__ATTENTION": "always"})
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        caller.freeze("camera")
        await shown_as(caller, "stale")
        stalled = await rig.ask(caller)
        caller.freeze("camera", frozen=False)
        await shown_as(caller, "camera", after=stalled.asked)
        back = await rig.ask(caller)
    assert stalled.images == []
    assert "sent nothing for a while" in stalled.request.messages[-1].text
    assert of_that_moment(back)


async def test_screen_share_comes_before_the_camera(rig: Rig) -> None:
    """With both, the screen is what the model sees; without it the camera again."""
    async with rig.caller() as caller:
        await caller.show(Colour("red"))
        await rig.call(caller)
        await shown_as(caller, "camera")
        await caller.show(Counter(), "screen")
        await shown_as(caller, "screen")
        screen = await rig.ask(caller)
        await caller.unpublish("screen")
        await shown_as(caller, "camera", after=screen.asked)
        camera = await rig.ask(caller)
    assert of_that_moment(screen)
    assert camera.picture is not None
    red, green, blue = camera.picture.reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.timeout(240)
async def test_two_calls_at_once_each_see_their_own_caller(rig: Rig) -> None:
    """Neither call ever gets the other's picture."""
    async with rig.caller() as one, rig.caller() as two:
        await asyncio.gather(one.show(Colour("red")), two.show(Colour("blue")))
        await asyncio.gather(rig.call(one), rig.call(two))
        spoken = await asyncio.gather(rig.ask(one, "What colour?"), rig.ask(two, "What colour?"))
        typed = await asyncio.gather(rig.write(one, "And now, one?"), rig.write(two, "And now, two?"))
    for turn, channel in zip((*spoken, *typed), (0, 2, 0, 2), strict=True):
        assert turn.picture is not None
        assert turn.picture.reshape(-1, 3).mean(axis=0).argmax() == channel


async def test_caller_who_returns_finds_the_call_and_is_seen(rig: Rig) -> None:
    """The same agent, with its memory of the conversation, sees the new camera track."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller, "Remember the word lighthouse.")
        assert caller.agent is not None
        agent = caller.agent.identity
        await caller.leave()
        await caller.join()
        await caller.show(Counter())
        await caller.call("")  # no dispatch: the agent is still there
        back = await rig.ask(caller)
        assert caller.agent is not None
        assert caller.agent.identity == agent
    assert of_that_moment(back)
    assert any("lighthouse" in message.text for message in back.request.messages)


async def test_caller_without_video_is_answered(rig: Rig) -> None:
    """No camera at all costs neither the answer nor honesty."""
    async with rig.caller() as caller:
        await rig.call(caller)
        spoken = await rig.ask(caller)
        typed = await rig.write(caller, "Can you see me?")
    assert [turn.images for turn in (spoken, typed)] == [[], []]
    assert all("can't see" in turn.request.messages[-1].text for turn in (spoken, typed))
