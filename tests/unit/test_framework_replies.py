"""Facts of livekit-agents about replies, tried on a real session whose model is scripted: no room, no speech."""

from livekit.agents import AgentStateChangedEvent, UserStateChangedEvent

from tests.fakes import data_url, view
from tests.session import Call, calling
from tests.talk import lines, pictures


async def test_tool_and_the_request_after_it_know_the_same_reply() -> None:
    """What the tool brings to light is found by `RunContext.speech_handle.id`, under which the request is made."""
    async with calling(("look", '{"region": "top left"}')) as call:
        reply = await call.reply("What does it say?")
        first, second = call.model.requests
        assert pictures(first) == [data_url("camera 1")]
        assert pictures(second) == [data_url("camera 1"), data_url("camera top left")]
        assert [item.type for item in second.items[-3:]] == ["function_call", "function_call_output", "message"]
        assert lines(second) == ["[The user's camera, top left, in full resolution, at 22:13:20 UTC.]"]
        shown = call.memory.shown_for(reply)
        assert shown is not None
        assert [shot.part for shot in shown.looks] == ["top left"]
        assert call.sight.looks == 2  # the request after the tool was shown the reply's own view


async def test_tools_in_a_row_are_all_shown_to_the_same_reply() -> None:
    """Each request after a tool goes on under the same id, and so does what a generated reply calls."""
    async with calling(("look", "{}"), ("recall", "{}")) as call:
        call.album.add(view("earlier"))
        reply = await call.reply()
        assert [pictures(request) for request in call.model.requests] == [
            [data_url("camera 1")],
            [data_url("camera 1"), data_url("camera 2")],
            [data_url("camera 1"), data_url("camera 2"), data_url("earlier")],
        ]
        shown = call.memory.shown_for(reply)
        assert shown is not None
        assert shown.question is None


async def test_reply_with_tools_is_one_turn() -> None:
    """It is told when its words are there, with what its last request was shown."""
    async with calling(("look", "{}")) as call:
        reply = await call.reply("What does it say?")
        [(event, shown)] = call.turns
        assert (event["turn"], event["kind"], event["images"], event["tool_images"]) == (1, "typed", 2, 1)
        assert shown == call.memory.shown_for(reply)


async def test_what_tools_brought_to_light_is_not_shown_to_the_next_turn() -> None:
    """Its receipt is."""
    async with calling(("look", "{}")) as call:
        await call.reply("What does it say?")
        await call.reply("And now?")
        last = call.model.requests[-1]
        assert pictures(last) == [data_url("camera 3")]
        [output] = [item for item in last.items if item.type == "function_call_output"]
        assert output.output.startswith("Seen: the user's camera at 22:13:22 UTC")


async def test_both_tools_are_offered_with_every_request() -> None:
    """By the names that the model calls them."""
    async with calling(("look", "{}")) as call:
        await call.reply("What does it say?")
        assert call.model.offered == [["look", "recall"]] * 2


async def test_session_tells_what_the_agent_does() -> None:
    """`Onlooker` goes by these events, and by `new_state`."""
    call = Call()
    states: list[str] = []
    call.session.on("agent_state_changed", lambda event: states.append(event.new_state))
    await call.start()
    await call.reply("Hello")
    await call.session.aclose()
    assert states[0] == "listening"
    assert "thinking" in states
    assert set(states) <= {"initializing", "idle", "listening", "thinking", "speaking"}


async def test_session_tells_when_the_user_speaks() -> None:
    """The states of `user_state_changed` that matter are these two; what we listen to is what is emitted."""
    call = Call()
    told: list[object] = []
    call.session.on("user_state_changed", told.append)
    call.session._update_user_state("speaking")
    call.session._update_user_state("listening")
    assert [event.new_state for event in told if isinstance(event, UserStateChangedEvent)] == ["speaking", "listening"]
    assert {"old_state", "new_state"} <= set(AgentStateChangedEvent.model_fields) & set(
        UserStateChangedEvent.model_fields
    )
