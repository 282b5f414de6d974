"""The real plugin of Gemini's Live API speaks to the sandbox, unchanged."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
from google.genai import types
from livekit.agents import llm
from livekit.agents.llm import ChatContext, ImageContent
from livekit.plugins.google.realtime import RealtimeModel

from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry, ToolCall
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


async def test_picture_that_nobody_speaks_to_is_dropped() -> None:
    """Where a turn holds only activity, as it does unless the client or a newer model says otherwise."""
    async with talking(heard={"turn_coverage": types.TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY}) as talk:
        red = show(talk, "red")
        await talk.say(VOICE)
        blue = show(talk, "blue")
        await talk.say(SILENCE)
        await talk.answer()
        entry = await talk.conversation()
        [request] = await talk.sandbox.requests("llm")
    assert [(frame.image.sha256, bool(frame.item)) for frame in entry.frames] == [(red, False), (blue, True)]
    assert (seen(request), entry.held_images) == ([blue], 1)


async def test_speech_interrupts_an_answer() -> None:
    """Its rest is not sent, and the client is told."""
    async with talking() as talk:
        await talk.sandbox.script("Tell me all.", LONG)
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        await talk.say(VOICE)
        request = await talk.sandbox.wait_for(lambda entry: entry.status == "cancelled", "llm")
        text, _ = await talk.answer()
        await talk.say(SILENCE)
        await talk.answer()
        after = (await talk.sandbox.requests("llm"))[-1]
    assert request.audio_ms < 3_000
    assert text != LONG
    assert [message.text for message in after.messages] == ["Tell me all.", request.reply, "(unscripted)"]


async def test_speech_interrupts_nothing_where_it_must_not() -> None:
    """Both questions are answered, one after the other."""
    async with talking(heard={"activity_handling": types.ActivityHandling.NO_INTERRUPTION}) as talk:
        await talk.sandbox.script("Tell me all.", LONG)
        await talk.sandbox.script("And then?", "The end.")
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        await talk.say(VOICE + SILENCE)
        request = await talk.sandbox.wait_for(lambda entry: entry.reply == "The end.", "llm")
        first, _ = await talk.sandbox.requests("llm")
    assert (first.status, first.reply) == ("ok", LONG)
    assert [message.text for message in request.messages] == ["Tell me all.", LONG, "And then?"]


async def test_content_of_the_framework_interrupts_an_answer() -> None:
    """A fact that a worker must know: whatever it adds while the model speaks ends what is said."""
    async with talking() as talk:
        await talk.sandbox.script("Tell me all.", LONG)
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        context = talk.session.chat_ctx
        context.add_message(role="user", content="[The camera is muted.]")
        await talk.session.update_chat_ctx(context)
        request = await talk.sandbox.wait_for(lambda entry: entry.status == "cancelled", "llm")
        await talk.answer()
        [only] = await talk.sandbox.requests("llm")
    assert only.id == request.id


async def test_context_stays_within_its_bounds() -> None:
    """Older turns go with their pictures; the newest is always there."""
    compression = types.ContextWindowCompressionConfig(
        trigger_tokens=1_000, sliding_window=types.SlidingWindow(target_tokens=500)
    )
    held = []
    async with talking(context_window_compression=compression) as talk:
        for colour in ("red", "green", "blue", "white", "black"):
            newest = show(talk, colour)
            await spoken(await talk.session.generate_reply(instructions="Say word for word: Hi."))
            held.append((await talk.conversation()).held_images)
        request = (await talk.sandbox.requests("llm"))[-1]
    assert held == [1, 2, 3, 1, 2]
    assert seen(request)[-1] == newest
    assert request.prompt_tokens < 1_000


async def test_call_is_answered_with_its_result() -> None:
    """The plugin tells of the call, and brings what became of it."""

    @llm.function_tool
    async def look(at: str) -> str:
        """Looks."""
        return at

    async with talking() as talk:
        await talk.session.update_tools([look])
        await talk.sandbox.script("Look.", "A cat.", call=ToolCall("look", {"at": "it"}))
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        [call] = [each async for each in talk.generations.pop(0).function_stream]
        context = talk.session.chat_ctx
        context.insert(call)
        output = llm.FunctionCallOutput(name="look", call_id=call.call_id, output="done", is_error=False)
        context.insert(output)
        await talk.session.update_chat_ctx(context)
        text, _ = await talk.answer()
        entry = await talk.conversation()
        request = (await talk.sandbox.requests("llm"))[-1]
    assert entry.config["tools"][0]["functionDeclarations"][0]["behavior"] == "NON_BLOCKING"
    assert (call.name, call.arguments, text) == ("look", '{"at": "it"}', "A cat.")
    assert (request.messages[-1].role, request.messages[-1].text) == ("tool", "done")


@pytest.mark.parametrize(("kind", "status"), [("error", 500), ("error", 429), ("cut", 500)])
async def test_faults_end_the_answer_and_not_the_conversation(kind: Any, status: int) -> None:
    """The next question is answered, by a new connection, which knows what was said."""
    async with talking() as talk:
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        await talk.until(talk.heard)
        await talk.sandbox.script("One?", LONG)
        await talk.sandbox.fault("realtime", kind, status=status, vendor="google")
        before = await talk.conversation()
        await talk.say(VOICE + SILENCE)
        text, _ = await talk.answer()
        await talk.sandbox.wait_for(lambda entry: bool(entry.config), "realtime", since=before.id)
        await talk.say(VOICE + SILENCE)
        again, _ = await talk.answer()
        requests = await talk.sandbox.requests("llm")
    assert (requests[1].fault, requests[1].status) == (kind, "error")
    assert (text == "") is (kind == "error")
    assert again == f"Answer {requests[2].id}."
    assert requests[2].messages[1].text == requests[0].reply
    assert (len(talk.errors), talk.fatal) == (1, [])


@pytest.mark.parametrize("kind", ["slow", "hang"])
async def test_late_answer_is_waited_for_or_interrupted(kind: Any) -> None:
    """The next words end the one that never comes."""
    async with talking() as talk:
        await talk.sandbox.fault("realtime", kind, delay_ms=300)
        await talk.say(VOICE + SILENCE)
        if kind == "hang":
            await talk.sandbox.wait_for(lambda entry: entry.fault == "hang", "llm")
            await talk.say(VOICE + SILENCE)
        request = await talk.sandbox.wait_for(lambda entry: entry.status == "ok", "llm")
        first = (await talk.sandbox.requests("llm"))[0]
    assert first.fault == kind
    assert (first.id == request.id) is (kind == "slow")


@pytest.mark.parametrize("wrong", ["key", "picture"])
async def test_refused_session_is_not_tried_again(wrong: str) -> None:
    """Another fact: what ends with 1007 is the end for the plugin, which takes it for a context that is too large."""
    async with talking(key="wrong-key" if wrong == "key" else "any") as talk:
        if wrong == "picture":
            video = types.Blob(data=b"no picture", mime_type="image/jpeg")
            talk.session._send_client_event(types.LiveClientRealtimeInput(video=video))
        await talk.until(talk.fatal)
        entries = await talk.sandbox.requests("realtime")
    assert getattr(talk.fatal[0], "code", None) == 1007
    assert len(entries) == (1 if wrong == "picture" else 0)
