"""Pictures that need not be sent again, and the sharpest of a moment, in real calls."""

import hashlib
import itertools

from sandbox.caller.journal import Snapshot, TurnCompleted
from sandbox.caller.scenes import Counter, Sign
from sandbox.turn import of_that_moment
from tests.room.conftest import RigWith
from tests.room.rig import shown_as
from tests.room.test_views import before_the_question

STILL = "[The user's camera still shows what is in its last picture above.]"


async def test_still_scene_is_sent_once_and_a_changed_one_again(rig_with: RigWith) -> None:
    """Three turns before a sign have one picture in all, named by each turn's log line; another sign is sent anew."""
    rig = await rig_with({"VISION__SKIP_UNCHANGED": "true", "VISION__SHARE_SNAPSHOTS": "true"})
    async with rig.caller() as caller:
        await caller.show(Sign("OPEN AT NINE"))
        await rig.call(caller)
        await shown_as(caller, "camera")
        # The track's first second is coarse, and worth a better picture; on a busy machine it may still be on its way.
        greeted = 1
        while not (await rig.write(caller, "Hello.")).images:
            greeted += 1
        turns = [await rig.ask(caller), await rig.write(caller, "And now?"), await rig.ask(caller, "Still there?")]
        await caller.show(Sign("OPEN AT FIVE"))
        turns.append(await rig.ask(caller, "What about now?"))
        await caller.show(Counter())
        turns += [await rig.ask(caller), await rig.ask(caller)]
        await caller.journal.wait_for(
            TurnCompleted, where=lambda event: event.data["turn"] == greeted + len(turns), timeout_s=30
        )
    sent = [[image.sha256 for image in turn.images] for turn in turns]
    assert [len(images) for images in sent] == [1] * 6
    assert sent[0] == sent[1] == sent[2]
    assert len({images[0] for images in sent}) == 4
    questions = [turn.request.messages[-1] for turn in turns]
    assert [STILL in question.text for question in questions[1:]] == [True, True, False, False, False]
    assert [len(question.images) for question in questions[1:]] == [0, 0, 1, 1, 1]
    assert all(of_that_moment(turn) for turn in turns[4:])
    for earlier, later in itertools.pairwise(turns[:3]):
        prefix = before_the_question(earlier.request.messages)
        assert [one.sha256 for one in prefix] == [one.sha256 for one in later.request.messages[: len(prefix)]]
    completed = [event.data for event in caller.journal.of(TurnCompleted)][-len(turns) :]
    assert [[event["frame_sha256"]] for event in completed] == sent
    assert [event["unchanged"] for event in completed[1:]] == [True, True, False, False, False]
    assert completed[0]["frame_age_ms"] < completed[1]["frame_age_ms"] < completed[2]["frame_age_ms"]
    assert max(event["frame_age_ms"] for event in completed[3:]) < 1000
    shared = [hashlib.sha256(snapshot.data).hexdigest() for snapshot in caller.journal.of(Snapshot)][-len(turns) :]
    assert [[sha256] for sha256 in shared] == sent


async def test_sharpest_frame_is_of_that_moment(rig_with: RigWith) -> None:
    """A request still shows the counter as it was when the question had ended."""
    rig = await rig_with({"VISION__SHARPEST": "true"})
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await shown_as(caller, "camera")
        turns = [await rig.ask(caller), await rig.write(caller, "And now?")]
    assert all(of_that_moment(turn) for turn in turns)
    completed = await rig.until_logged("turn_completed", 2)
    assert max(event["frame_age_ms"] for event in completed) < 500
