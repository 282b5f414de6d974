"""What requests carry of present and earlier views, and what the caller is told of it."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sandbox.caller.journal import Snapshot, TurnCompleted
from sandbox.caller.scenes import Colour, Counter, read_stamp
from sandbox.control.entries import SeenMessage
from sandbox.turn import of_that_moment
from tests.room.conftest import RigWith
from tests.room.rig import Rig, shown_as


def before_the_question(messages: Sequence[SeenMessage]) -> list[SeenMessage]:
    """What precedes the last user message."""
    last = max(index for index, message in enumerate(messages) if message.role == "user")
    return list(messages[:last])


async def test_what_precedes_the_question_begins_the_next_request(rig: Rig) -> None:
    """Byte for byte, pictures that expire apart: so providers' prompt caches hold."""
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        turns = [await rig.ask(caller), await rig.write(caller, "And now?"), await rig.ask(caller, "Still there?")]
        caller.mute("camera")
        await shown_as(caller, "muted")
        turns += [await rig.write(caller, "What about now?"), await rig.ask(caller), await rig.ask(caller, "Last one?")]
    requests = [turn.request.messages for turn in turns]
    assert [len(messages) for messages in requests] == [2, 4, 6, 8, 10, 12]
    for earlier, later in itertools.pairwise(requests):
        prefix = before_the_question(earlier)
        assert [message.sha256 for message in prefix] == [message.sha256 for message in later[: len(prefix)]]


async def test_both_sources_are_one_view_of_two_labelled_pictures(rig_with: RigWith) -> None:
    """The screen first, each named; what is muted is told in a line; the caller gets the very pictures."""
    rig = await rig_with({"VISION__SOURCE": "both", "VISION__SHARE_SNAPSHOTS": "true"})
    async with rig.caller() as caller:
        await caller.show(Colour("red"))
        await caller.show(Counter(1280, 720), "screen")
        await rig.call(caller)
        await shown_as(caller, "both")
        both = await rig.ask(caller)
        completed = await caller.journal.wait_for(TurnCompleted, timeout_s=30)
        caller.mute("screen")
        await shown_as(caller, "camera", after=both.asked)
        one = await rig.ask(caller)
    question = both.request.messages[-1]
    assert len(question.images) == 2
    assert "[The user's screen:]" in question.text
    assert "[The user's camera:]" in question.text
    assert completed.data["frame_source"] == "both"
    sent = [frame["frame_sha256"] for frame in completed.data["frames"]]
    assert sent == [image.sha256 for image in question.images]
    shared = caller.journal.of(Snapshot)[:2]
    assert [hashlib.sha256(snapshot.data).hexdigest() for snapshot in shared] == sent
    assert [snapshot.attributes["source"] for snapshot in shared] == ["screen", "camera"]
    question = one.request.messages[-1]
    assert len(question.images) == 1
    assert "screen share: it is muted" in question.text
    earlier = one.request.messages[1]
    assert earlier.images == []
    assert earlier.text.count("no longer shown") == 2


async def test_more_views_are_kept_when_asked_for(rig_with: RigWith) -> None:
    """With three of them the fourth turn carries its own and the two before it, and one line for the first."""
    rig = await rig_with({"VISION__MAX_IMAGES": "3"})
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        turns = [await rig.ask(caller) for _ in range(4)]
    assert [len(turn.images) for turn in turns] == [1, 2, 3, 3]
    assert all(of_that_moment(turn) for turn in turns)
    users = [message for message in turns[-1].request.messages if message.role == "user"]
    assert [len(message.images) for message in users] == [0, 1, 1, 1]
    assert "no longer shown" in users[0].text


@pytest.mark.parametrize("rotation", [90, 270])
async def test_camera_held_upright_is_seen_upright(rig: Rig, rotation: int) -> None:
    """A phone's portrait picture keeps its shape, whoever turns the pixels; nothing is squeezed or cut."""
    async with rig.caller() as caller:
        await caller.show(Counter(), rotation=rotation)
        await rig.call(caller)
        await rig.ask(caller)
        turn = await rig.ask(caller)
    assert turn.picture is not None
    height, width = turn.picture.shape[:2]
    assert round(height / width, 1) == 1.8  # a busy publisher sends fewer pixels, but all of the picture
    # Turned back, it is the scene as it was drawn: the stamp can be read.
    drawn_at = read_stamp(np.ascontiguousarray(np.rot90(turn.picture, k=1 if rotation == 90 else -1)))
    assert of_that_moment(replace(turn, drawn_at=drawn_at))


async def test_call_ends_with_its_totals(rig_with: RigWith) -> None:
    """One line: turns, sighted, blind by reason, pictures, bytes, tokens."""
    rig = await rig_with({"AGENT__LINGER_S": "0"})
    async with rig.caller() as caller:
        await rig.call(caller)
        await rig.ask(caller)
        await caller.show(Counter())
        await shown_as(caller, "camera")
        seen = await rig.ask(caller)
        await caller.leave()
        ended = (await rig.until_logged("call_ended"))[0]
    assert (ended["turns"], ended["sighted"], ended["blind_none"]) == (2, 1, 1)
    assert ended["images"] >= 1
    assert ended["image_bytes"] >= seen.images[0].bytes
    assert min(ended["tokens_in"], ended["tokens_out"]) > 0
