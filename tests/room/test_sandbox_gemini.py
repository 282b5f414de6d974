"""The real plugin of Gemini's Live API speaks to the sandbox, unchanged."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
from google.genai import types
from livekit.agents.llm import ChatContext, ImageContent
from livekit.plugins.google.realtime import RealtimeModel

from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry
from sandbox.server import Sandbox
from tests.live import CONNECT, EXACT, SILENCE, VOICE, Talk, jpeg, spoken

LONG = "a long answer " * 10


def detection(**options: Any) -> types.AutomaticActivityDetection:
    """Turns end after 0.2 s of silence, unless the options say otherwise."""
    return types.AutomaticActivityDetection(**({"silence_duration_ms": 200} | options))


@asynccontextmanager
async def talking(
    *, key: str = "any", model: str = "gemini-3.8-live", heard: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Talk]:
    """A session against a sandbox in exact mode; `heard` is the realtime input's configuration."""
    async with Sandbox(options=EXACT) as server, SandboxClient(server.url) as client:
        trusted = ssl.create_default_context(cafile=server.tls.authorities)
        live = RealtimeModel(
            model=model,
            api_key=key,
            realtime_input_config=types.RealtimeInputConfig(
                **({"automatic_activity_detection": detection()} | (heard or {}))
            ),
            http_options=types.HttpOptions(base_url=server.tls.url, async_client_args={"ssl": trusted}),
            conn_options=CONNECT,
            **options,
        )
        talk = Talk(live.session(), client)
        talk.listen()
        try:
            yield talk
        finally:
            await talk.session.aclose()
            await live.aclose()


def show(talk: Talk, colour: str) -> str:
    """Stream a picture, as the worker does; its hash."""
    picture = jpeg(colour)
    video = types.Blob(data=picture, mime_type="image/jpeg")
    talk.session._send_client_event(types.LiveClientRealtimeInput(video=video))
    return sha256(picture).hexdigest()


def seen(request: Entry) -> list[str]:
    """The hashes of the pictures that an answer was made from."""
    return [image.sha256 for message in request.messages for image in message.images]


async def test_spoken_question_is_answered_from_what_was_streamed() -> None:
    """Sound goes in, its words and an answer come back, and the record has the picture."""
    async with talking() as talk:
        await talk.sandbox.script("What is this?", "A red card.")
        red = show(talk, "red")
        await talk.say(VOICE + SILENCE)
        text, seconds = await talk.answer()
        await talk.until(talk.heard)
        entry = await talk.conversation()
        [request] = await talk.sandbox.requests("llm")
    assert (text, talk.heard) == ("A red card.", ["What is this?"])
    assert seconds > 0.3
    [frame] = entry.frames
    assert (frame.image.sha256, frame.image.width, frame.image.height, frame.streamed) == (red, 64, 48, True)
    assert seen(request) == [red]
    assert (entry.vendor, entry.model, request.vendor) == ("google", "gemini-3.8-live", "google")
    assert request.reply == text


async def test_content_is_held_with_its_pictures() -> None:
    """What the framework adds is seen, in its place."""
    async with talking() as talk:
        context = ChatContext.empty()
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg("blue")).decode()
        context.add_message(role="user", content=["I am called Ada.", ImageContent(image=url)])
        context.add_message(role="user", content="What is my name?")
        await talk.session.update_chat_ctx(context)
        text, _ = await spoken(await talk.session.generate_reply())
        entry = await talk.conversation()
        [request] = await talk.sandbox.requests("llm")
    assert [message.text for message in request.messages] == ["I am called Ada.\nWhat is my name?"]
    assert seen(request) == [sha256(jpeg("blue")).hexdigest()]
    assert [frame.streamed for frame in entry.frames] == [False]
    assert text.startswith("Answer ")


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-2.5-flash-native-audio-preview-12-2025"])
async def test_words_are_spoken_word_for_word_when_the_instructions_say_so(model: str) -> None:
    """However the plugin puts them for this model."""
    async with talking(model=model, instructions="You are brief.") as talk:
        text, _ = await spoken(await talk.session.generate_reply(instructions="Say word for word: Hello there."))
        [request] = await talk.sandbox.requests("llm")
    assert text == "Hello there."
    assert (request.messages[0].role, request.messages[0].text) == ("system", "You are brief.")


async def test_manual_turn_lasts_as_long_as_the_client_says() -> None:
    """Sound outside of it is not heard."""
    async with talking(heard={"automatic_activity_detection": detection(disabled=True)}) as talk:
        await talk.say(VOICE + SILENCE)
        talk.session.start_user_activity()
        await talk.say(VOICE)
        assert await talk.sandbox.requests("llm") == []
        text, _ = await spoken(await talk.session.generate_reply())
        [utterance] = (await talk.conversation()).utterances
        [request] = await talk.sandbox.requests("llm")
    assert text == f"Answer {request.id}."
    assert utterance.speech_ended is not None
    assert 0.5 < utterance.speech_ended - utterance.speech_started < 1.0
    assert [message.text for message in request.messages][:1] == [utterance.text]


@pytest.mark.parametrize("kind", ["drop", "go_away"])
async def test_conversation_is_taken_up_after_a_reconnect(kind: Any) -> None:
    """What was shown before is held, and nothing comes a second time."""
    async with talking() as talk:
        red = show(talk, "red")
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        await talk.until(talk.heard)
        before = await talk.conversation()
        await talk.sandbox.fault("realtime", kind, vendor="google")
        after = await talk.sandbox.wait_for(lambda entry: bool(entry.config), "realtime", since=before.id)
        await talk.say(VOICE + SILENCE)
        text, _ = await talk.answer()
        request = (await talk.sandbox.requests("llm"))[-1]
        before, after = await talk.sandbox.requests("realtime")
    assert before.fault == kind
    assert (before.held_images, after.held_images, after.frames) == (1, 1, [])
    assert after.config["sessionResumption"]["handle"]
    assert seen(request) == [red]
    assert text == f"Answer {request.id}."
