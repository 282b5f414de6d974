"""A second agent of the same name in the room: it leaves the caller to the first, and disturbs nobody."""

import asyncio
import json

from tests.room.rig import Rig


async def test_second_agent_for_the_same_caller_withdraws(rig: Rig) -> None:
    """One that comes during the call, and one of two that come at once; the turn is answered once."""
    async with rig.caller() as caller, rig.caller() as popular:
        await rig.call(caller)
        room = caller.room.name
        [first] = await rig.until_logged("call_started", room=room)
        await caller.dispatch(rig.agent_name)
        [withdrawn] = await rig.until_logged("call_withdrawn", room=room)
        assert withdrawn["agent"] == first["agent"]
        assert withdrawn["job_id"] != first["job_id"]
        turn = await rig.write(caller, "How many are you?")
        await asyncio.gather(popular.dispatch(rig.agent_name), popular.dispatch(rig.agent_name))
        [gone] = await rig.until_logged("call_withdrawn", room=popular.room.name)
        started = await rig.until_logged("call_started", room=popular.room.name)
        alone = await rig.write(popular, "And you?")
    assert len(await rig.sandbox.requests("llm")) == 2
    assert turn.reply.text.startswith("Answer ")
    assert alone.reply.text.startswith("Answer ")
    assert {line["job_id"] for line in started} - {gone["job_id"]}
    ended = await rig.until_logged("call_ended", room=room)
    assert {line["job_id"] for line in ended} == {first["job_id"]}


async def test_agent_for_another_participant_stays(rig: Rig) -> None:
    """Two of one name in one room, each dispatched for a caller of its own."""
    async with rig.caller("test-two-callers", "alice") as alice, rig.caller("test-two-callers", "bob") as bob:
        await rig.call(alice, json.dumps({"participant_identity": "alice"}))
        await alice.dispatch(rig.agent_name, json.dumps({"participant_identity": "bob"}))
        served = await rig.until_logged("caller_linked", count=2, room="test-two-callers")
        await rig.until_logged("call_started", count=2, room="test-two-callers")
        assert bob.agent is not None
    assert {line["participant"] for line in served} == {"alice", "bob"}
    assert not [line for line in rig.logged("call_withdrawn") if line["room"] == "test-two-callers"]
