"""Tools by which the model looks closer or back, with scripted calls and with a brain that asks for them itself."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.caller.caller import Caller
from sandbox.caller.scenes import Counter, scene
from sandbox.control.entries import SeenMessage, ToolCall
from sandbox.stack import Address, start_sandbox, start_worker, worker_env
from sandbox.turn import of_that_moment
from tests.room.conftest import RigWith

TOOLS = {"VISION__LOOK_TOOL": "true", "VISION__RECALL_TOOL": "true"}
SMALL_PRINT = "LOT 4827"


async def test_look_shows_a_part_in_full_resolution_once(rig_with: RigWith) -> None:
    """The picture rides on the reply's next request, after the tool's result, and on no later one."""
    rig = await rig_with(TOOLS)
    async with rig.caller() as caller:
        await caller.show(Counter(1920, 1080))
        await rig.call(caller)
        await rig.ask(caller, "Are you ready?")
        await rig.sandbox.script("What is up there?", typed=True, call=ToolCall("look", {"region": "bottom left"}))
        turn = await rig.write(caller, "What is up there?")
        after = await rig.write(caller, "And now?")
        seen = (await rig.until_logged("turn_completed", 3))[1]
    shown = turn.request.messages
    assert [message.role for message in shown[-4:]] == ["user", "assistant", "tool", "user"]
    assert seen["frame_sha256"] == turn.images[0].sha256
    assert turn.images[1].width == pytest.approx(seen["frame_width"] / 2, abs=2)
    assert "bottom left, in full resolution" in shown[-1].text
    assert "bottom left of the user's camera" in shown[-2].text
    later = after.request.messages
    assert len(after.images) == 1
    assert digests(later[: len(shown) - 4]) == digests(shown[:-4])
    assert digests(later[len(shown) - 3 : len(shown) - 1]) == digests(shown[-3:-1])  # the call and its result stay


async def test_look_without_a_part_sees_the_moment(rig_with: RigWith) -> None:
    """A fresh picture, younger than the one that came with the question."""
    rig = await rig_with(TOOLS)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller, "Are you ready?")
        await rig.sandbox.script("Look again.", typed=True, call=ToolCall("look", {"region": None}))
        turn = await rig.write(caller, "Look again.")
    assert of_that_moment(turn)
    assert len({image.sha256 for image in turn.images}) == 2


async def test_recall_shows_the_picture_of_an_earlier_turn(rig_with: RigWith) -> None:
    """The very bytes that the model was sent then."""
    rig = await rig_with(TOOLS)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        first = await rig.ask(caller, "Are you ready?")
        await rig.write(caller, "And now?")
        await rig.sandbox.script("What was it?", typed=True, call=ToolCall("recall", {"turns_ago": 2}))
        turn = await rig.write(caller, "What was it?")
    assert turn.request.messages[-1].images[0].sha256 == first.images[0].sha256


@pytest_asyncio.fixture
async def seeing(tmp_path: Path) -> AsyncIterator[str]:
    """Stand-ins that really see; ended with the test."""
    async with AsyncExitStack() as own:
        yield await start_sandbox(own, tmp_path)


@pytest.mark.timeout(300)
async def test_small_print_is_read_with_look_and_not_without(
    livekit_server: Address, seeing: str, tmp_path: Path
) -> None:
    """The same question about the same scene: wrong from the fitted picture alone, right by a closer look."""
    answers = {}
    for tool in ("false", "true"):
        async with AsyncExitStack() as own:
            name = f"small-print-{tool}"
            settings = {"LIVEKIT_AGENT_NAME": name, "VISION__LOOK_TOOL": tool}
            await start_worker(own, tmp_path, {**worker_env(livekit_server, seeing), **settings})
            address = livekit_server
            async with Caller(address.url, address.api_key, address.api_secret, name) as caller:
                await caller.join()
                await caller.show(scene(f"small:{SMALL_PRINT}", 1920, 1080))
                await caller.call(name, timeout_s=60)
                # A sentence that needs no eyes, so that the camera has come to its full size before the one that does.
                await caller.reply(await caller.type("Hello."), timeout_s=60)
                asked = await caller.type("What does the small print in the top right corner say?")
                answers[tool] = (await caller.reply(asked, timeout_s=90)).text
    assert SMALL_PRINT not in answers["false"]
    assert SMALL_PRINT in answers["true"]


def digests(messages: list[SeenMessage]) -> list[str]:
    """What each message was, byte for byte."""
    return [message.sha256 for message in messages]
