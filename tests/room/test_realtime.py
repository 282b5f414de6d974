"""Calls on a speech-to-speech model that is sent live video, of either provider."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from agent.vision.card import card
from agent.vision.pictures import why_blind
from agent.vision.view import Blind
from sandbox.caller.caller import Caller
from sandbox.caller.journal import SoundBegan
from sandbox.caller.scenes import Counter
from sandbox.caller.stamp import read_stamp
from sandbox.control.entries import Entry, SeenImage
from sandbox.control.faults import Kind
from sandbox.control.state import WRONG_KEY
from sandbox.stack import Address, live_env, start_worker, worker_env
from sandbox.turn import LEEWAY_S, Turn, pixels_of
from tests.fakes import plain
from tests.room.conftest import RigWith
from tests.room.rig import Rig, shown_as

STORY = "This is a long answer that goes on and on. " * 8
PROVIDERS = ("openai", "google")
MODELS = {"openai": "openai/gpt-realtime", "google": "google/gemini-3.8-live"}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=PROVIDERS)
async def live_log(
    request: pytest.FixtureRequest,
    livekit_server: Address,
    sandbox_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[str, Path]]:
    """A worker on a speech-to-speech model of each provider in turn, registered by its name; where it logs."""
    provider: str = request.param
    async with AsyncExitStack() as running:
        env = {**worker_env(livekit_server, sandbox_url), **await live_env(provider, sandbox_url)}
        # The machine is busy, and a source's first frame may take its time.
        env |= {"LIVEKIT_AGENT_NAME": provider, "VISION__SHARE_SNAPSHOTS": "true", "VISION__LOOK_TIMEOUT_MS": "3000"}
        yield provider, (await start_worker(running, tmp_path_factory.mktemp(provider), env)).log


@pytest.fixture
def live(rig: Rig, live_log: tuple[str, Path]) -> Rig:
    """The same for one test; the agent is called as the provider is."""
    provider, log = live_log
    return replace(rig, agent_name=provider, worker_log=log)


@asynccontextmanager
async def in_a_call(rig: Rig, *, camera: bool = True) -> AsyncIterator[Caller]:
    """A caller whose camera shows the time, and whose agent sees it."""
    async with rig.caller() as caller:
        if camera:
            await caller.show(Counter())
        await rig.call(caller)
        if camera:
            await shown_as(caller, "camera")
            await until_shown(rig)
        yield caller


async def conversation(rig: Rig) -> Entry:
    """The newest conversation on the stand-in that was shown anything."""
    return [entry for entry in await rig.sandbox.requests("realtime") if entry.frames][-1]


async def until_shown(rig: Rig, count: int = 1) -> Entry:
    """Wait until so many pictures have reached it."""
    return await rig.sandbox.wait_for(lambda entry: len(entry.frames) >= count, "realtime", timeout_s=30)


def images(turn: Turn) -> list[SeenImage]:
    """The pictures that the answer was made from, oldest first; of Gemini's the earlier ones are among them."""
    return [image for message in turn.request.messages for image in message.images]


def deletes(rig: Rig) -> bool:
    """Whether the provider can forget a picture."""
    return rig.agent_name != "google"


def shows(entry: Entry, image: SeenImage) -> bool:
    """Whether it was sent that very picture."""
    return image.sha256 in {frame.image.sha256 for frame in entry.frames}


async def drawn_at(rig: Rig, image: SeenImage) -> float:
    """When what a picture shows was drawn."""
    at = read_stamp(await pixels_of(rig.sandbox, image.sha256))
    assert at is not None
    return at


async def test_spoken_question_is_answered_from_a_picture_of_that_moment(live: Rig) -> None:
    """And the log says which one it was."""
    async with in_a_call(live) as caller:
        turn = await live.ask(caller)
        logged = (await live.until_logged("turn_completed", room=caller.room.name))[-1]
    image = images(turn)[-1]
    assert turn.asked - LEEWAY_S <= await drawn_at(live, image) <= turn.request.started
    assert logged["frame_sha256"] == image.sha256
    assert (logged["kind"], logged["frame_source"], logged["blind_reason"]) == ("spoken", "camera", None)
    assert (logged["sent_width"], logged["sent_height"]) == (1024, 576)
    assert logged["reply_ms"] > 0
    assert logged["speculative"] is False


async def test_typed_question_is_shown_the_moment_it_was_sent(live: Rig) -> None:
    """In a long silence the last picture would be seconds old."""
    async with in_a_call(live) as caller:
        turn = await live.write(caller, "What time is it there?")
        logged = (await live.until_logged("turn_completed", room=caller.room.name))[-1]
    assert turn.asked - LEEWAY_S <= await drawn_at(live, images(turn)[-1]) <= turn.request.started
    assert (logged["kind"], logged["images"]) == ("typed", 1)


async def test_model_holds_no_more_pictures_than_it_may(live: Rig) -> None:
    """Whatever is older is deleted there, and nothing else is; where it can't be, each view is there once."""
    async with in_a_call(live) as caller:
        turns = [await live.write(caller, f"Question {number}?") for number in range(12)]
        entry = await conversation(live)
    written = [message.text for message in turns[-1].request.messages if message.role == "user"]
    asked = [line for text in written for line in text.splitlines() if line.startswith("Question")]
    assert asked == [f"Question {number}?" for number in range(12)]
    assert len(entry.frames) >= 12
    if not deletes(live):
        assert entry.held_images == len(entry.frames)
        return
    assert {len(images(turn)) for turn in turns} <= {1, 2}  # the older goes when the newer one is there
    assert entry.held_images == 1
    shown, deleted = [frame.item for frame in entry.frames], [deletion.item for deletion in entry.deletions]
    assert set(shown[:-1]) <= set(deleted)
    assert shown[-1] not in deleted


async def test_model_is_told_of_a_camera_that_is_muted(live: Rig) -> None:
    """It is sent none then, and has a fresh one afterwards."""
    async with in_a_call(live) as caller:
        caller.mute("camera")
        await shown_as(caller, "muted")
        blind = await live.write(caller, "What do you see?")
        since = len((await conversation(live)).frames)
        caller.unmute("camera")
        await shown_as(caller, "camera", after=blind.asked)
        turn = await live.write(caller, "And now?")
        frames = (await conversation(live)).frames
        logged = await live.until_logged("turn_completed", 2, room=caller.room.name)
    assert "camera is muted" in " ".join(message.text for message in blind.request.messages)
    assert images(blind) == [] or not deletes(live)
    assert (logged[0]["blind_reason"], logged[0]["images"]) == ("muted", 0)
    assert logged[1]["images"] == 1
    assert await drawn_at(live, images(turn)[-1]) >= turn.asked - LEEWAY_S
    assert len(frames) > since


async def test_spoken_question_finds_a_muted_camera_told_of(live: Rig) -> None:
    """Gemini by a card that takes the place of the last view, since its stream holds nothing but pictures."""
    async with in_a_call(live) as caller:
        caller.mute("camera")
        await shown_as(caller, "muted")
        blind = await live.ask(caller)
        [logged] = await live.until_logged("turn_completed", room=caller.room.name)
    reason = why_blind(Blind("muted", "camera"))
    if deletes(live):
        assert reason in [message.text for message in blind.request.messages]
        assert images(blind) == []
    else:
        assert images(blind)[-1].sha256 == card(reason).sha256
    assert (logged["blind_reason"], logged["images"]) == ("muted", 0)


async def test_screen_share_is_seen_before_the_camera(live: Rig) -> None:
    """And the camera again when it ends."""
    async with in_a_call(live) as caller:
        await caller.show(Counter(), "screen")
        await shown_as(caller, "screen")
        await live.write(caller, "What is on my screen?")
        ended = time.time()
        await caller.unpublish("screen")
        await shown_as(caller, "camera", after=ended)
        await live.write(caller, "And now?")
        logged = await live.until_logged("turn_completed", 2, room=caller.room.name)
    assert [line["frame_source"] for line in logged] == ["screen", "camera"]
    assert (logged[0]["sent_width"], logged[0]["sent_height"]) == (1024, 576)


async def test_picture_is_upright(live: Rig) -> None:
    """A phone in portrait turns its pictures."""
    async with live.caller() as caller:
        await caller.show(Counter(), rotation=90)
        await live.call(caller)
        await shown_as(caller, "camera")
        turn = await live.write(caller, "What is this?")
    image = images(turn)[-1]
    assert (image.width, image.height) == (576, 1024)


async def test_uploaded_picture_reaches_the_model_and_is_answered(live: Rig) -> None:
    """As a message of its own, with its caption."""
    async with in_a_call(live, camera=False) as caller:
        since = time.time()
        await caller.upload(plain((300, 200)), caption="My cat.", reply=True)
        reply = await caller.reply(after=since, timeout_s=60)
        [request] = await live.sandbox.requests("llm")
        turn = await live.write(caller, "How old is she?")
    assert reply.text == f"Answer {request.id}."
    for entry in (request, turn.request):
        [message] = [message for message in entry.messages if "uploaded" in message.text]
        assert "My cat." in message.text
        assert [(image.width, image.height) for image in message.images] == [(300, 200)]


async def test_greeting_is_spoken_word_for_word(live: Rig) -> None:
    """There is no voice but the model's."""
    async with live.caller() as caller:
        since = time.time()
        await live.call(caller, json.dumps({"greeting": "Good morning, this is Sighted."}))
        reply = await caller.reply(after=since, timeout_s=60)
    assert reply.text == "Good morning, this is Sighted."


async def test_speech_interrupts_the_model(live: Rig) -> None:
    """What it was saying is not finished, and the question is answered."""
    async with in_a_call(live) as caller:
        # For 3 s from its first word the framework hears nobody while the agent speaks.
        await live.write(caller, "Hello?")
        await live.sandbox.script("Tell me all.", STORY)
        since = time.time()
        await caller.speak_pcm(live.speech.pcm, live.speech.sample_rate)
        await caller.journal.wait_for(SoundBegan, after=since, timeout_s=30)
        turn = await live.ask(caller, "Stop, what is this?")
        requests = await live.sandbox.requests("llm")
        story = next(entry for entry in requests if entry.reply and STORY.startswith(entry.reply))
        logged = (await live.until_logged("turn_completed", 2, room=caller.room.name))[-1]
    assert (story.status, story.audio_ms < 3_000) == ("cancelled", True)
    assert images(turn)
    assert logged["interrupted"] is False


@pytest.mark.parametrize("kind", ["drop", "cut", "go_away"])
async def test_connection_that_breaks_is_made_again(live: Rig, kind: Kind) -> None:
    """No old picture is told as if it were new, and the next question is answered from one of its moment."""
    if kind == "go_away" and deletes(live):
        pytest.skip("OpenAI's protocol has no announcement")
    async with in_a_call(live) as caller:
        await live.write(caller, "What is this?")
        first = await conversation(live)
        if kind == "cut":
            await live.sandbox.fault("realtime", "cut")
            await live.sandbox.script("Go on.", STORY, typed=True)
            await caller.type("Go on.")
        else:
            await live.sandbox.fault("realtime", kind)
        await live.sandbox.wait_for(
            lambda entry: len(entry.frames) >= 1 + deletes(live) and bool(entry.deletions) is deletes(live),
            "realtime",
            since=first.id,
            timeout_s=60,
        )
        turn = await live.write(caller, "And now?")
        # Whoever else is connected was dropped, too, such as a call that is just ending.
        [entry] = [each for each in await live.sandbox.requests("realtime", first.id) if shows(each, images(turn)[-1])]
    assert await drawn_at(live, images(turn)[-1]) >= turn.asked - LEEWAY_S
    earlier = {frame.image.sha256 for frame in first.frames}
    again = {frame.item for frame in entry.frames if frame.image.sha256 in earlier}
    assert again <= {deletion.item for deletion in entry.deletions}
    assert entry.held_images == 1 or not deletes(live)


async def test_announced_end_of_a_connection_cuts_nobody_off(live: Rig) -> None:
    """Gemini tells before it closes; an answer that is being given is given whole."""
    if deletes(live):
        pytest.skip("OpenAI's protocol has no announcement")
    async with in_a_call(live) as caller:
        await live.sandbox.script("Tell me all.", STORY, typed=True)
        await caller.type("Tell me all.")
        began = await caller.journal.wait_for(SoundBegan, timeout_s=60)
        first = await conversation(live)
        await live.sandbox.fault("realtime", "go_away", delay_ms=60_000)
        reply = await caller.reply(after=began.at - 1, timeout_s=60)
        await live.sandbox.wait_for(lambda entry: bool(entry.frames), "realtime", since=first.id, timeout_s=30)
        turn = await live.write(caller, "And now?")
    assert reply.text.split() == STORY.split()
    assert await drawn_at(live, images(turn)[-1]) >= turn.asked - LEEWAY_S


@pytest.mark.parametrize("status", [429, 500])
async def test_failed_answer_ends_no_call(live: Rig, status: int) -> None:
    """The next question is answered."""
    async with in_a_call(live) as caller:
        await live.sandbox.fault("realtime", "error", status=status)
        await caller.type("What is this?")
        await live.sandbox.wait_for(lambda entry: entry.fault == "error", "llm", timeout_s=30)
        turn = await live.write(caller, "And now?")
        [told] = await live.until_logged("provider_failed", room=caller.room.name)
    assert images(turn)
    assert (told["stage"], told["provider"]) == ("realtime", MODELS[live.agent_name])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_push_to_talk_is_answered_when_the_button_is_released(
    rig_with: RigWith, sandbox_url: str, provider: str
) -> None:
    """From a picture of that moment; what was said in a turn that was cancelled is not part of it."""
    rig = await rig_with({**await live_env(provider, sandbox_url), "REALTIME__TURN_DETECTION": "manual"})
    async with in_a_call(rig) as caller:
        await caller.perform_rpc("start_turn")
        await caller.speak_pcm(rig.speech.pcm, rig.speech.sample_rate)
        await caller.perform_rpc("cancel_turn")
        await rig.sandbox.script("What is this?")
        await caller.perform_rpc("start_turn")
        spoken = await caller.speak_pcm(rig.speech.pcm, rig.speech.sample_rate)
        await asyncio.sleep(1.0)
        assert await rig.sandbox.requests("llm") == []
        released = time.time()
        await caller.perform_rpc("end_turn")
        await caller.reply(after=spoken.ended, timeout_s=60)
        [request] = await rig.sandbox.requests("llm")
        logged = (await rig.until_logged("turn_completed"))[-1]
        heard = (await conversation(rig)).utterances
    newest = [image for message in request.messages for image in message.images][-1]
    assert await drawn_at(rig, newest) >= released - LEEWAY_S
    assert logged["kind"] == "spoken"
    [utterance] = heard
    assert utterance.speech_ended is not None
    assert utterance.speech_ended - utterance.speech_started < 1.8 * len(rig.speech.pcm) / 2 / rig.speech.sample_rate


async def test_frameworks_own_video_stays_reachable(rig_with: RigWith) -> None:
    """For models that need it: nothing is paced or deleted then."""
    rig = await rig_with({"AGENT__MODE": "realtime", "REALTIME__FRAMEWORK_VIDEO": "true"})
    async with in_a_call(rig) as caller:
        entry = await until_shown(rig, 2)
        turn = await rig.write(caller, "What is this?")
    assert entry.deletions == []
    assert len(images(turn)) >= 2


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_model_that_can_not_be_reached_ends_the_call(rig_with: RigWith, sandbox_url: str, provider: str) -> None:
    """Better no agent in the room than one that is deaf and mute."""
    env = {**await live_env(provider, sandbox_url), f"{provider.upper()}_API_KEY": WRONG_KEY}
    rig = await rig_with(env)
    async with rig.caller() as caller:
        calling = asyncio.create_task(rig.call(caller))
        await rig.until_logged("session_failed")
        [ended] = await rig.until_logged("call_ended")
        calling.cancel()  # the agent may be gone before it was seen
        await asyncio.gather(calling, return_exceptions=True)
    assert ended["reason"] == "session_failed"
