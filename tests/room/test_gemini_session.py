"""Our session of Gemini Live against the stand-in: what it does that the plugin's does not."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from google.genai import types
from livekit.agents.types import APIConnectOptions
from pydantic import SecretStr

from agent.realtime.gemini_model import gemini_model
from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry
from sandbox.control.state import WRONG_KEY
from sandbox.server import Sandbox
from tests.live import EXACT, SILENCE, VOICE, Talk, jpeg, spoken
from tests.unit.test_gemini_settings import asked

LONG = "a long answer " * 10
PATIENCE = APIConnectOptions(max_retry=10, retry_interval=0.2, timeout=5)


@asynccontextmanager
async def talking(**changes: Any) -> AsyncIterator[Talk]:
    """A session as a call has it, against a sandbox in exact mode."""
    async with Sandbox(options=EXACT) as server, SandboxClient(server.url) as client:
        with patch.dict(os.environ, SSL_CERT_FILE=server.tls.authorities):
            model = gemini_model(asked(realtime__base_url=server.tls.url, **changes), PATIENCE)
            talk = Talk(model.session(), client)
        talk.listen()
        try:
            yield talk
        finally:
            await talk.session.aclose()
            await model.aclose()


async def next_connection(talk: Talk, before: Entry) -> Entry:
    """The conversation on a new connection, once it is set up."""
    return await talk.sandbox.wait_for(lambda entry: bool(entry.config), "realtime", since=before.id, timeout_s=30)


async def test_connection_that_can_not_be_made_is_tried_again() -> None:
    """The plugin would have given up at once."""
    async with talking() as talk:
        await talk.session.connected()
        before = await talk.conversation()
        for _ in range(4):  # the connection that lives, and the next three
            await talk.sandbox.fault("realtime", "drop")
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        await talk.say(VOICE + SILENCE)
        text, _ = await talk.answer()
        conversations = await talk.sandbox.requests("realtime", before.id)
    assert text.startswith("Answer ")
    assert len(conversations) == 4
    assert not talk.fatal
    assert talk.errors


async def test_refused_key_is_not_tried_again() -> None:
    """It would be refused again."""
    async with talking(services__google_api_key=SecretStr(WRONG_KEY)) as talk:
        await talk.until(talk.fatal)
    assert len(talk.errors) == 1


async def test_conversation_that_is_not_known_any_more_begins_anew() -> None:
    """With what was said in it."""
    async with talking() as talk:
        await talk.sandbox.script("I am called Ada.")
        await talk.say(VOICE + SILENCE)
        await talk.answer()
        await talk.until(talk.heard)
        talk.session._session_resumption_handle = "of yesterday"
        await talk.sandbox.fault("realtime", "drop")
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        await spoken(await talk.session.generate_reply())
        after = await talk.conversation()
        request = (await talk.sandbox.requests("llm"))[-1]
    assert not talk.fatal
    assert "handle" not in after.config["sessionResumption"]
    assert "I am called Ada." in [message.text for message in request.messages]


async def test_announced_end_waits_for_the_answer() -> None:
    """Which is heard whole, on the connection that it began on."""
    async with talking() as talk:
        await talk.sandbox.script("One?", LONG)
        await talk.say(VOICE + SILENCE)
        await talk.until(talk.generations)
        before = await talk.conversation()
        await talk.sandbox.fault("realtime", "go_away", delay_ms=60_000)
        text, _ = await talk.answer()
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        after = await next_connection(talk, before)
        [request] = await talk.sandbox.requests("llm")
    assert text.split() == LONG.split()
    assert request.status == "ok"
    assert after.config["sessionResumption"]["handle"]


async def test_announced_end_waits_for_who_speaks() -> None:
    """Nothing of the question is lost; it is left when there is hardly time."""
    async with talking() as talk:
        speaks = True
        talk.session.listening = lambda: speaks
        await talk.session.connected()
        before = await talk.conversation()
        await talk.sandbox.fault("realtime", "go_away", delay_ms=60_000)
        await talk.sandbox.script("Two?")
        await talk.say(VOICE + SILENCE)
        speaks = False
        await talk.answer()
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        await next_connection(talk, before)
        [utterance] = (await talk.sandbox.requests("realtime"))[0].utterances
    assert utterance.text == "Two?"


async def test_cancelled_turn_is_not_heard() -> None:
    """A new connection goes on from before it."""
    async with talking(realtime__turn_detection="manual") as talk:
        await talk.session.connected()
        before = await talk.conversation()
        talk.session.interrupt()
        await talk.say(VOICE)
        talk.session.clear_audio()
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        after = await next_connection(talk, before)
        talk.session.interrupt()
        await talk.say(VOICE)
        talk.session.commit_audio()
        text, _ = await spoken(await talk.session.generate_reply())
        heard = [entry.utterances for entry in await talk.sandbox.requests("realtime")]
    assert text.startswith("Answer ")
    assert [len(utterances) for utterances in heard] == [0, 1]
    assert after.config["sessionResumption"]["handle"]


async def test_turn_goes_on_over_a_new_connection() -> None:
    """While a button is pressed: the new one is told that somebody speaks."""
    async with talking(realtime__turn_detection="manual") as talk:
        await talk.session.connected()
        talk.session.interrupt()
        await talk.say(VOICE)
        await talk.sandbox.fault("realtime", "drop")
        async with asyncio.timeout(30):
            await talk.reconnected.wait()
        await talk.say(VOICE)
        talk.session.commit_audio()
        text, _ = await spoken(await talk.session.generate_reply())
        entry = await talk.conversation()
    assert text.startswith("Answer ")
    [utterance] = entry.utterances
    assert utterance.speech_ended is not None


async def test_window_slides() -> None:
    """However long the conversation, it holds no more than was asked for."""
    async with talking(realtime__context_tokens=4_000) as talk:
        await talk.session.connected()
        for number in range(40):
            await talk.sandbox.script(f"Number {number}?")
            talk.session.send(frame(number))
            await spoken(await talk.session.generate_reply(instructions=f"Question {number}."))
        entry = await talk.conversation()
        requests = await talk.sandbox.requests("llm")
    assert len(entry.frames) == 40
    assert entry.held_images <= 4_000 // 258
    assert max(request.prompt_tokens for request in requests) <= 4_000
    assert all(requests[number].messages[-2].images or requests[number].messages[-1].images for number in (0, 39))


def frame(number: int) -> types.LiveClientRealtimeInput:
    """A picture of its own."""
    return types.LiveClientRealtimeInput(
        video=types.Blob(data=jpeg(f"hsl({number * 9}, 80%, 50%)"), mime_type="image/jpeg")
    )
