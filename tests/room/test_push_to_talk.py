"""Push to talk: the caller begins and ends turns by remote calls."""

import asyncio
import time
from pathlib import Path

import pytest
from livekit import rtc

from sandbox.caller.caller import Caller
from sandbox.caller.journal import SoundBegan
from sandbox.caller.scenes import Counter
from sandbox.turn import Turn, judge, of_that_moment
from tests.room.conftest import RigWith
from tests.room.rig import Rig, fate

MANUAL = {"TURN__DETECTION": "manual"}
JPEG = Path(__file__).parents[1] / "data" / "uploads" / "good.jpg"


async def push(rig: Rig, caller: Caller, *sentences: str, pause_s: float = 0.0, hold_s: float = 0.0) -> Turn:
    """Hold the button, say the sentences with pauses between them, and let go."""
    assert await caller.perform_rpc("start_turn") == "started"
    for number, sentence in enumerate(sentences):
        if number:
            await asyncio.sleep(pause_s)
        await rig.sandbox.script(sentence)
        await say(rig, caller)
    await asyncio.sleep(hold_s)
    released = time.time()
    assert await caller.perform_rpc("end_turn") == "ended"
    return await judge(rig.sandbox, await caller.reply(after=released, timeout_s=30))


async def say(rig: Rig, caller: Caller) -> None:
    """A sentence, whatever the button does."""
    await caller.speak_pcm(rig.speech.pcm, rig.speech.sample_rate)


async def refused(caller: Caller, method: str) -> int:
    """The code of the error that a remote call ends with."""
    with pytest.raises(rtc.RpcError) as caught:
        await caller.perform_rpc(method)
    return int(caught.value.code)


async def test_a_turn_lasts_as_long_as_the_button_is_held(rig_with: RigWith) -> None:
    """Held through a long pause it is one turn, answered as soon as it ends, from what was shown then."""
    rig = await rig_with(MANUAL)
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await push(rig, caller, "Hello.")
        turns = [
            await push(rig, caller, "What number do you see?"),
            await push(rig, caller, "Look at this", "and read it.", pause_s=3.0),
            await push(rig, caller, "And what now?", hold_s=1.5),
        ]
    for turn, words in zip(
        turns, ["What number do you see?", "Look at this and read it.", "And what now?"], strict=True
    ):
        assert of_that_moment(turn), "drawn once the button was let go"
        assert turn.request.messages[-1].text.startswith(words)
        # Of a model that takes 300 ms and a voice that takes 80; the framework's own limit for last words is 2 s.
        assert turn.reply.delay_s < 1.9
    assert len(rig.logged("turn_completed")) == 4


async def test_nothing_is_heard_but_what_is_said_while_the_button_is_held(rig_with: RigWith) -> None:
    """Neither before nor after, nor what is taken back, nor a press in silence; and the call goes on."""
    rig = await rig_with(MANUAL)
    async with rig.caller() as caller:
        await rig.call(caller)
        await push(rig, caller, "Hello.")
        before = len(await rig.sandbox.requests("llm"))
        await say(rig, caller)
        await asyncio.sleep(0.5)  # its last sound is still on its way
        assert await refused(caller, "end_turn") == 409
        assert await caller.perform_rpc("cancel_turn") == "nothing to cancel"
        assert await caller.perform_rpc("start_turn") == "started"
        assert await caller.perform_rpc("start_turn") == "already started"
        await asyncio.sleep(1)
        assert await caller.perform_rpc("end_turn") == "ended"
        assert await caller.perform_rpc("start_turn") == "started"
        talking = asyncio.create_task(say(rig, caller))
        await asyncio.sleep(1)  # taken back in the middle of a word
        assert await caller.perform_rpc("cancel_turn") == "cancelled"
        await talking
        await asyncio.sleep(1)
        asked = [entry.messages[-1].text for entry in await rig.sandbox.requests("llm")]
        assert len(asked) == before, asked
        # Nobody is taken to be speaking still: a picture that asks for an answer gets one.
        sent = time.time()
        await fate(caller, await caller.upload(JPEG.read_bytes(), reply=True))
        await caller.reply(after=sent, timeout_s=15)
        again = await push(rig, caller, "And now?")
        assert again.request.messages[-1].text.startswith("And now?")
        heard = [utterance.text for entry in await rig.sandbox.requests("stt") for utterance in entry.utterances]
        assert [text for text in heard if text != "(unscripted)"] == ["Hello.", "And now?"]
        # The button interrupts.
        await rig.sandbox.script("Tell me a story", answer="And then the keeper went up the stairs again. " * 6)
        await caller.perform_rpc("start_turn")
        await say(rig, caller)
        released = time.time()
        await caller.perform_rpc("end_turn")
        await caller.journal.wait_for(SoundBegan, after=released)
        await asyncio.sleep(1.5)  # of sixteen
        await push(rig, caller, "Stop, what is this?")
        # Last, since the room ends with whoever leaves it first.
        async with rig.caller(caller.room.name, "stranger") as stranger:
            await stranger.call("", timeout_s=10)
            assert [await refused(stranger, name) for name in ("start_turn", "end_turn", "cancel_turn")] == [403] * 3
    assert [line["interrupted"] for line in rig.logged("turn_completed")][-2:] == [True, False]


async def test_a_button_does_nothing_where_turns_end_by_themselves(rig: Rig) -> None:
    """It is refused, and the error says which setting it needs."""
    async with rig.caller() as caller:
        await rig.call(caller)
        with pytest.raises(rtc.RpcError, match=r"TURN__DETECTION is \w+: push to talk needs manual"):
            await caller.perform_rpc("start_turn")
        await rig.ask(caller)
