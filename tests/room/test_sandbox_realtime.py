"""The real plugin of OpenAI's Realtime API speaks to the sandbox, unchanged."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from livekit.agents.llm import ChatContext
from livekit.plugins import openai
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

from sandbox.control.client import SandboxClient
from sandbox.server import Sandbox
from tests.live import CONNECT, EXACT, SILENCE, VOICE, Talk, jpeg, spoken


def picture(colour: str) -> str:
    """A small JPEG as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(colour)).decode()


def shown(item_id: str, colour: str) -> dict[str, Any]:
    """The event that shows a picture."""
    content = [{"type": "input_image", "image_url": picture(colour)}]
    return {
        "type": "conversation.item.create",
        "item": {"id": item_id, "type": "message", "role": "user", "content": content},
    }


@asynccontextmanager
async def talking(*, manual: bool = False, key: str = "any") -> AsyncIterator[Talk]:
    """A session against a sandbox in exact mode."""
    async with (
        Sandbox(options=EXACT) as server,
        SandboxClient(server.url) as client,
        aiohttp.ClientSession() as http,
    ):
        model = openai.realtime.RealtimeModel(
            model="gpt-realtime",
            api_key=key,
            base_url=f"{server.url}/v1",
            http_session=http,
            turn_detection=None if manual else ServerVad(type="server_vad", silence_duration_ms=200),
            input_audio_transcription=AudioTranscription(model="gpt-4o-mini-transcribe"),
            conn_options=CONNECT,
        )
        session = model.session()
        talk = Talk(session, client)
        talk.listen()
        try:
            yield talk
        finally:
            await session.aclose()
            await model.aclose()


async def test_spoken_question_is_answered_from_what_was_shown() -> None:
    """Sound goes in, its words and an answer come back, and the record has the picture."""
    async with talking() as talk:
        await talk.sandbox.script("What is this?", "A red card.")
        talk.session.send_event(shown("frame_1", "red"))
        await talk.say(VOICE + SILENCE)
        text, seconds = await talk.answer()
        [frame] = (await talk.conversation()).frames
        [request] = await talk.sandbox.requests("llm")
    assert (text, talk.heard) == ("A red card.", ["What is this?"])
    assert seconds > 0.3
    assert (frame.item, frame.image.width, frame.image.height) == ("frame_1", 64, 48)
    assert [image.sha256 for message in request.messages for image in message.images] == [frame.image.sha256]
    assert request.reply == text


async def test_deleted_items_are_gone_and_others_stay() -> None:
    """What a client deletes is no longer held."""
    async with talking() as talk:
        for number in range(3):
            talk.session.send_event(shown(f"frame_{number}", "blue"))
        talk.session.send_event({"type": "conversation.item.delete", "item_id": "frame_0"})
        talk.session.send_event({"type": "conversation.item.delete", "item_id": "nothing"})
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        entry = await talk.conversation()
    assert [deletion.item for deletion in entry.deletions] == ["frame_0"]
    assert (entry.held_images, len(entry.frames)) == (2, 3)
    assert [getattr(error, "body", None).code for error in talk.errors] == ["item_not_found"]  # type: ignore[union-attr]


async def test_manual_turn_is_what_was_committed() -> None:
    """Without turn detection nothing is answered until the client says so."""
    async with talking(manual=True) as talk:
        await talk.say(VOICE + SILENCE)
        assert (await talk.sandbox.requests("llm")) == []
        talk.session.commit_audio()
        text, _ = await spoken(await talk.session.generate_reply())
        [request] = await talk.sandbox.requests("llm")
    assert text == f"Answer {request.id}."
    assert request.messages[-1].role == "user"


async def test_words_are_spoken_word_for_word_when_the_instructions_say_so() -> None:
    """That is how an agent of this kind greets."""
    async with talking() as talk:
        await talk.session.update_instructions("You are brief.")
        text, _ = await spoken(await talk.session.generate_reply(instructions="Say word for word: Hello there."))
        [request] = await talk.sandbox.requests("llm")
    assert text == "Hello there."
    assert request.messages[0].text.startswith("You are brief.")


async def test_speech_interrupts_an_answer() -> None:
    """Its rest is not sent."""
    async with talking() as talk:
        await talk.sandbox.script("Tell me all.", "a long answer " * 10)
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        await talk.say(VOICE)
        request = await talk.sandbox.wait_for(lambda entry: entry.status == "cancelled", "llm")
    assert request.audio_ms < 3_000


async def test_frames_are_sent_again_after_a_reconnect() -> None:
    """A fact of the plugin, which a worker must know: what was shown before is shown again as if it were new."""
    async with talking() as talk:
        talk.session.send_event(shown("frame_1", "red"))
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        before = await talk.conversation()
        await talk.sandbox.fault("realtime", "drop")
        async with asyncio.timeout(10):
            await talk.reconnected.wait()
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        after = await talk.conversation()
    assert after.id != before.id
    assert [frame.item for frame in after.frames] == ["frame_1"]


async def test_session_expires_when_it_is_ordered_to_go() -> None:
    """This provider gives no notice."""
    async with talking() as talk:
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        await talk.sandbox.fault("realtime", "go_away", delay_ms=100, vendor="openai")
        async with asyncio.timeout(10):
            await talk.reconnected.wait()
        before = (await talk.sandbox.requests("realtime"))[0]
    assert (before.fault, before.status, before.error) == ("go_away", "error", "expired, as ordered")


@pytest.mark.parametrize(("kind", "status"), [("error", 500), ("error", 429), ("cut", 500)])
async def test_faults_end_the_answer_and_not_the_conversation(kind: Any, status: int) -> None:
    """The next question is answered, by a new connection if need be."""
    async with talking() as talk:
        await talk.sandbox.script("One?", "a long answer " * 10)
        await talk.sandbox.fault("realtime", kind, status=status)
        await talk.say(VOICE + SILENCE)
        text, _ = await talk.answer()
        if kind == "cut":
            async with asyncio.timeout(10):
                await talk.reconnected.wait()
        await talk.say(VOICE + SILENCE)
        again, _ = await talk.answer()
        fault = next(entry for entry in await talk.sandbox.requests("llm") if entry.fault)
    assert (fault.fault, fault.status) == (kind, "error")
    assert (text == "") is (kind == "error")
    assert again.startswith("Answer ")
    assert talk.errors


async def test_wrong_key_is_refused() -> None:
    """As by the provider: the connection is not made."""
    async with talking(key="wrong-key") as talk:
        await talk.until(talk.errors)
        assert await talk.sandbox.requests("realtime") == []


async def test_chat_context_goes_both_ways() -> None:
    """What the framework adds is held, in its place."""
    async with talking() as talk:
        context = ChatContext.empty()
        context.add_message(role="user", content="I am called Ada.")
        context.add_message(role="user", content="What is my name?")
        await talk.session.update_chat_ctx(context)
        text, _ = await spoken(await talk.session.generate_reply())
        [request] = await talk.sandbox.requests("llm")
    assert [message.text for message in request.messages] == ["I am called Ada.", "What is my name?"]
    assert text.startswith("Answer ")
