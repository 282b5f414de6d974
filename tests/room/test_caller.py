"""The scripted caller in a real room, with an agent played by hand."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from livekit import api, rtc

from sandbox.caller.caller import Caller
from sandbox.caller.errors import CallError, NoAgentError, NoReplyError
from sandbox.caller.journal import AgentJoined, AgentState, Snapshot, TurnCompleted
from sandbox.stack import Address
from sandbox.tts.pcm import hum
from tests.room.stand_in import StandIn

HUM = b"\0" * 9_600 + hum("hello there", 24_000) + b"\0" * 48_000
"""0.2 s of silence, 0.66 s of voice, 1 s of silence."""


@pytest.fixture
async def agent(livekit_server: Address) -> AsyncIterator[StandIn]:
    """An agent in a room of its own."""
    server = livekit_server
    async with StandIn(server.url, server.api_key, server.api_secret, f"caller-{uuid4().hex[:8]}") as stand_in:
        yield stand_in


@pytest.fixture
async def caller(livekit_server: Address, agent: StandIn) -> AsyncIterator[Caller]:
    """A caller in the agent's room, who hears it."""
    server = livekit_server
    async with Caller(server.url, server.api_key, server.api_secret, agent.room.name) as person:
        await person.call("", timeout_s=15)
        yield person


async def soon(met: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not met():  # noqa: ASYNC110 - most of what is waited for sets no event
            await asyncio.sleep(0.02)


async def no_more_frames(agent: StandIn) -> None:
    """Give the last frames time to arrive, and see that none follows."""
    await asyncio.sleep(0.5)
    still = agent.frames
    await asyncio.sleep(0.7)
    assert agent.frames == still


async def more_frames(agent: StandIn) -> None:
    """Wait for a few further frames."""
    still = agent.frames
    await soon(lambda: agent.frames > still + 5)


async def test_frames_carry_the_moment_they_were_drawn(caller: Caller, agent: StandIn) -> None:
    """Every full-size frame is readable and less than half a second old on arrival."""
    await caller.show("counter")
    await soon(lambda: agent.sizes and agent.sizes[-1] == (1280, 720))
    agent.ages_s.clear()
    await soon(lambda: len(agent.ages_s) > 30)
    assert 0 < min(agent.ages_s) < max(agent.ages_s) < 0.5


async def test_turned_and_starved_frames_are_readable(caller: Caller, agent: StandIn) -> None:
    """A quarter turn, and a tenth of the usual bit rate, leave the stamp whole."""
    await caller.show("counter", rotation=90, max_bitrate=150_000)
    await soon(lambda: len(agent.ages_s) > 60)
    assert agent.sizes[-1][0] < agent.sizes[-1][1]
    assert len(agent.ages_s) > 0.9 * agent.frames


async def test_mute_tells_and_freeze_does_not(caller: Caller, agent: StandIn) -> None:
    """Both stop the frames; only the mute is an event."""
    await caller.show("counter", fps=15)
    await soon(lambda: agent.frames > 5)
    caller.freeze()
    await no_more_frames(agent)
    assert agent.events == []
    caller.freeze(frozen=False)
    await more_frames(agent)
    caller.mute()
    await no_more_frames(agent)
    assert agent.events == ["muted"]
    caller.unmute()
    await more_frames(agent)
    await caller.unpublish("camera")
    await soon(lambda: agent.events == ["muted", "unmuted", "unpublished"])
    with pytest.raises(CallError, match="caller shows no camera"):
        caller.mute("camera")


async def test_replaced_scene_changes_size_without_an_event(caller: Caller, agent: StandIn) -> None:
    """Another scene on the same track is seen at its own size."""
    await caller.show("colour:red", fps=15, size=(640, 480))
    await soon(lambda: agent.sizes and agent.sizes[-1] == (640, 480))
    await caller.show("counter", size=(480, 640))
    await soon(lambda: agent.sizes[-1] == (480, 640) and agent.ages_s)
    assert agent.events == []


async def test_screen_is_shown_beside_the_camera(caller: Caller, agent: StandIn) -> None:
    """Two sources are two tracks."""
    await caller.show("colour:red", size=(640, 360), fps=10)
    await caller.show("counter", "screen")
    await soon(lambda: (1920, 1080) in agent.sizes and (640, 360) in agent.sizes and agent.ages_s)


async def test_speech_is_heard_when_it_says(caller: Caller, agent: StandIn) -> None:
    """Beginning and end of the voice arrive within the network's delay of what `Spoken` tells."""
    spoken = await caller.speak_pcm(HUM, 24_000)
    assert spoken.ended - spoken.started == pytest.approx(0.64, abs=0.06)
    await soon(lambda: len(agent.sounds) == 2)
    (began, is_start), (ended, is_end) = agent.sounds
    assert (is_start, is_end) == (True, False)
    assert 0 < began - spoken.started < 0.4
    assert 0 < ended - spoken.ended < 0.4


async def test_reply_is_heard_whole(caller: Caller, agent: StandIn) -> None:
    """Its text, its first sound and its end, once the agent listens again."""
    spoken = await caller.speak_pcm(HUM, 24_000)
    waiting = asyncio.create_task(caller.reply(spoken.ended, timeout_s=15))
    began = await agent.say("It says nine.", seconds=0.5)
    reply = await waiting
    assert reply.text == "It says nine."
    assert began < reply.first_sound < began + 0.5
    assert reply.last_sound - reply.first_sound == pytest.approx(0.5, abs=0.2)
    assert [event.state for event in caller.journal.of(AgentState)] == ["speaking", "listening"]
    with pytest.raises(NoReplyError, match=r"no whole reply after 0\.2 s: agent state listening"):
        await caller.reply(reply.done, timeout_s=0.2)


async def evidence(agent: StandIn, turn: int) -> None:
    """Send the picture of a turn, as a worker does: what the model was shown, and where it came from."""
    writer = await agent.room.local_participant.stream_bytes(
        "view.jpg",
        total_size=20_000,
        mime_type="image/jpeg",
        topic="vision.snapshot",
        attributes={"turn": str(turn), "source": "camera", "age_ms": "40", "sha256": "ab12"},
    )
    await writer.write(b"x" * 20_000)
    await writer.aclose()


@pytest.mark.parametrize("picture_first", [True, False])
async def test_evidence_of_a_turn_is_kept(caller: Caller, agent: StandIn, picture_first: bool) -> None:  # noqa: FBT001
    """Picture and report, whichever is sent first, with all that they say."""
    if picture_first:
        await evidence(agent, 3)
    await agent.room.local_participant.send_text('{"turn": 3, "reply_ms": 900}', topic="turn.completed")
    if not picture_first:
        await evidence(agent, 3)
    shown = await caller.journal.wait_for(Snapshot)
    assert shown.data == b"x" * 20_000
    assert shown.attributes == {"turn": "3", "source": "camera", "age_ms": "40", "sha256": "ab12"}
    report = await caller.journal.wait_for(TurnCompleted)
    assert report.data == {"turn": 3, "reply_ms": 900}


async def test_unreadable_report_is_kept_as_it_came(caller: Caller, agent: StandIn) -> None:
    """For a script to stumble over, not to miss."""
    await agent.room.local_participant.send_text("[3]", topic="turn.completed")
    assert (await caller.journal.wait_for(TurnCompleted)).data == {"unreadable": "[3]"}


async def test_interrupted_answer_does_not_hold_up_the_next(caller: Caller, agent: StandIn) -> None:
    """Even where its transcription is never closed."""
    unfinished = await agent.write("As I was say", segment="SG_1")
    await agent.tone(0.5)
    spoken = await caller.speak_pcm(HUM, 24_000)
    waiting = asyncio.create_task(caller.reply(spoken.ended, timeout_s=15))
    await agent.say("It says nine.", seconds=0.5)
    assert (await waiting).text == "It says nine."
    await unfinished.aclose()


async def still_encoding(caller: Caller, seconds: float) -> bool:
    """Whether the camera's frames are encoded in the next seconds."""
    before = await caller.frames_encoded()
    await asyncio.sleep(seconds)
    return await caller.frames_encoded() > before


async def test_what_nobody_looks_at_is_not_encoded(livekit_server: Address) -> None:
    """With dynacast encoding stops when the last subscriber goes, and goes on when one comes."""
    server, name = livekit_server, f"caller-{uuid4().hex[:8]}"
    room = (server.url, server.api_key, server.api_secret, name)
    async with StandIn(*room) as agent, Caller(*room, dynacast=True) as person:
        await person.call("", timeout_s=15)
        await person.show("counter", fps=15, size=(640, 360))
        await soon(lambda: agent.frames > 5)
        assert await still_encoding(person, 1)
        tracks = agent.room.remote_participants["caller"].track_publications.values()
        video = next(track for track in tracks if track.kind == rtc.TrackKind.KIND_VIDEO)
        video.set_subscribed(False)
        # The server waits some seconds in case somebody else looks.
        async with asyncio.timeout(30):
            while await still_encoding(person, 1):
                pass
        video.set_subscribed(True)
        async with asyncio.timeout(10):
            while not await still_encoding(person, 0.5):
                pass


async def test_typed_uploaded_and_called(caller: Caller, agent: StandIn) -> None:
    """Chat, byte stream with attributes and RPC arrive as the JavaScript SDK would send them."""
    await caller.type("And this?")
    stream_id = await caller.upload(b"x" * 40_000, "cat.jpg", caption="my cat", reply=True)
    assert await caller.perform_rpc("end_turn", "now") == "got now"
    await soon(lambda: agent.uploads and agent.typed)
    assert agent.typed == ["And this?"]
    info, data = agent.uploads[0]
    assert (info.stream_id, info.name, info.mime_type, len(data)) == (stream_id, "cat.jpg", "image/jpeg", 40_000)
    assert info.attributes == {"caption": "my cat", "reply": "true"}


async def test_agent_that_leaves_is_noticed(caller: Caller, agent: StandIn) -> None:
    """Its leaving is awaitable, and what needs it says so."""
    await agent.room.disconnect()
    assert (await caller.agent_left()).identity == "agent-1"
    with pytest.raises(NoAgentError):
        await caller.perform_rpc("end_turn")


async def test_caller_rejoins_with_its_journal(caller: Caller, agent: StandIn) -> None:
    """After leaving, the caller can come back, show again, and remembers what it heard."""
    await caller.show("counter")
    await caller.leave()
    with pytest.raises(CallError, match="caller has not joined"):
        await caller.show("counter")
    await caller.call("", timeout_s=15)
    await caller.show("counter")
    await soon(lambda: agent.ages_s)
    assert len(caller.journal.of(AgentJoined)) == 2


async def test_closed_room_is_left_at_once(livekit_server: Address, caller: Caller, agent: StandIn) -> None:
    """A room that the server is just closing answers nothing, and keeps nobody."""
    await caller.show("counter")
    server = livekit_server
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        await client.room.delete_room(api.DeleteRoomRequest(room=agent.room.name))
    async with asyncio.timeout(2):
        await caller.leave()


async def test_command_tells_the_call_and_its_outcome(livekit_server: Address, agent: StandIn) -> None:
    """The steps run in order; an answer that was not expected makes the command fail."""
    server = livekit_server
    command = [sys.executable, "-m", "sandbox", "call", "--url", server.url, "--room", agent.room.name]
    command += ["--key", server.api_key, "--secret", server.api_secret, "--agent", "", "--timeout", "15"]
    command += ["--camera", "sign:OPEN", "--type", "What is it?", "--expect", "NINE", "--expect", "ten"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    await soon(lambda: agent.typed, timeout_s=20)
    await agent.say("It says nine.")
    output, _ = await process.communicate()
    told = output.decode().splitlines()
    assert [line.partition(" ")[0] for line in told] == ["joined", "camera", "typed", "answered", "failed"]
    assert told[-1] == "failed    expected 'ten' in the answer 'It says nine.'"
    assert process.returncode == 1


async def test_call_without_a_worker_gives_up(livekit_server: Address) -> None:
    """With nobody to take the dispatch the call ends with a reason, and leaves no task behind."""
    server = livekit_server
    async with Caller(server.url, server.api_key, server.api_secret, f"empty-{uuid4().hex[:8]}") as person:
        with pytest.raises(NoAgentError, match="agent 'nobody' not seen in room"):
            await person.call("nobody", timeout_s=3)
    left = [task for task in asyncio.all_tasks() if "sandbox" in str(task.get_coro())]
    assert left == []
