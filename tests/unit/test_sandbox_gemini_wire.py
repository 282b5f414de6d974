"""The stand-in for Gemini Live by its bare messages: what it refuses, and in which order it tells."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sandbox.control.client import SandboxClient
from sandbox.control.entries import ToolCall
from sandbox.server import Sandbox
from sandbox.tts import pcm
from tests.live import EXACT, HZ, SILENCE, VOICE, jpeg

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
LONG = "a long answer " * 10
SETUP: dict[str, Any] = {"model": "models/gemini-3.8-live"}
MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
LOOK = {"name": "look", "description": "Looks."}


def said(text: str, role: str = "user", *, complete: bool = True) -> dict[str, Any]:
    """Content of one turn."""
    return {"clientContent": {"turns": [{"role": role, "parts": [{"text": text}]}], "turnComplete": complete}}


def blob(data: bytes, mime: str = "image/jpeg") -> dict[str, str]:
    """A blob."""
    return {"mimeType": mime, "data": base64.b64encode(data).decode()}


class Wire:
    """One connection."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, sandbox: SandboxClient) -> None:
        self.ws = ws
        self.sandbox = sandbox

    async def send(self, **message: Any) -> None:
        """Send one message."""
        await self.ws.send_json(message)

    async def tell(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(10):
            return dict(await self.ws.receive_json())

    async def until(self, *names: str) -> list[dict[str, Any]]:
        """All up to one that holds these keys, one within the other."""
        told: list[dict[str, Any]] = []
        while True:
            told.append(await self.tell())
            found: Any = told[-1]
            for name in names:
                found = found.get(name) if isinstance(found, dict) else None
            if found is not None:
                return told

    async def end(self) -> tuple[int | None, str]:
        """Code and reason of the end, whatever comes before it."""
        async with asyncio.timeout(10):
            while True:
                message = await self.ws.receive()
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return int(message.data), str(message.extra)


@asynccontextmanager
async def connected(setup: dict[str, Any] | None = SETUP, *, query: str = "key=any") -> AsyncIterator[Wire]:
    """A connection that is set up, unless there is no setup."""
    async with (
        Sandbox(options=EXACT) as server,
        SandboxClient(server.url) as client,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}{PATH}?{query}") as ws,
    ):
        wire = Wire(ws, client)
        if setup is not None:
            await wire.send(setup=setup)
            assert "setupComplete" in await wire.tell()
        yield wire


def kinds(told: list[dict[str, Any]]) -> list[str]:
    """The kinds of some messages, sound and its words only once."""
    names = [name for message in told for name in (message.get("serverContent") or message)]
    return [name for place, name in enumerate(names) if name not in names[:place]]


async def test_answer_is_told_in_its_order() -> None:
    """Words with their sound, the end of generation, and later, when it has been heard, the end of the turn."""
    setup = SETUP | {"outputAudioTranscription": {}, "sessionResumption": {}}
    async with connected(setup) as wire:
        assert "sessionResumptionUpdate" in await wire.tell()
        await wire.sandbox.script("Hello.", "One two three four.", typed=True)
        await wire.ws.send_json(said("Hello."))
        told = await wire.until("serverContent", "modelTurn")
        began = asyncio.get_running_loop().time()
        told += await wire.until("serverContent", "turnComplete")
        lasted_s = asyncio.get_running_loop().time() - began
        told += await wire.until("sessionResumptionUpdate")
        [request] = await wire.sandbox.requests("llm")
    expected = ["outputTranscription", "modelTurn", "generationComplete", "turnComplete"]
    assert kinds(told) == [*expected, "sessionResumptionUpdate"]
    assert lasted_s > request.audio_ms / 1000 * 0.8
    contents = [message.get("serverContent", {}) for message in told]
    words = "".join(content.get("outputTranscription", {}).get("text", "") for content in contents)
    assert words == request.reply == "One two three four."
    [usage] = [message["usageMetadata"] for message in told if "turnComplete" in message.get("serverContent", {})]
    assert usage["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": request.prompt_tokens}]
    assert usage["responseTokensDetails"] == [{"modality": "AUDIO", "tokenCount": request.completion_tokens}]
    assert request.completion_tokens == pytest.approx(request.audio_ms / 1000 * 32, abs=1)


async def test_content_interrupts_an_answer() -> None:
    """And asks for none itself, unless its turn is complete; what was said so far stays."""
    async with connected(SETUP | {"outputAudioTranscription": {}}) as wire:
        await wire.sandbox.script("Hello.", LONG, typed=True)
        await wire.ws.send_json(said("Hello."))
        await wire.until("serverContent", "modelTurn")
        await wire.ws.send_json(said("By the way.", complete=False))
        told = await wire.until("serverContent", "turnComplete")
        await wire.ws.send_json(said("Go on."))
        await wire.until("serverContent", "turnComplete")
        first, second = await wire.sandbox.requests("llm")
    assert kinds(told)[-2:] == ["interrupted", "turnComplete"]
    assert "generationComplete" not in kinds(told)
    assert first.status == "cancelled"
    assert [message.text for message in second.messages] == ["Hello.", first.reply, "By the way.", "Go on."]
    assert LONG.startswith(first.reply)
    assert first.reply != LONG


async def test_result_of_a_call_is_waited_for() -> None:
    """A tool that blocks leaves its turn open, and its result ends it."""
    blocking = {"tools": [{"functionDeclarations": [LOOK | {"behavior": "BLOCKING"}]}]}
    async with connected(SETUP | blocking) as wire:
        await wire.sandbox.script("Look.", "A cat.", typed=True, call=ToolCall("look", {"at": "it"}))
        await wire.ws.send_json(said("Look."))
        [told] = await wire.until("toolCall")
        [call] = told["toolCall"]["functionCalls"]
        answer = {"id": call["id"], "name": "look", "response": {"output": "done"}}
        await wire.send(toolResponse={"functionResponses": [answer]})
        await wire.until("serverContent", "turnComplete")
        asked, answered = await wire.sandbox.requests("llm")
    assert (call["name"], call["args"]) == ("look", {"at": "it"})
    assert (asked.tools, asked.tool_call and asked.tool_call.name) == (["look"], "look")
    assert (answered.messages[-1].role, answered.messages[-1].text, answered.reply) == ("tool", "done", "A cat.")


async def test_call_is_cancelled_by_new_input() -> None:
    """Its result comes too late."""
    blocking = {"tools": [{"functionDeclarations": [LOOK | {"behavior": "BLOCKING"}]}]}
    async with connected(SETUP | blocking) as wire:
        await wire.sandbox.script("Look.", "A cat.", typed=True, call=ToolCall("look"))
        await wire.ws.send_json(said("Look."))
        [told] = await wire.until("toolCall")
        [call] = told["toolCall"]["functionCalls"]
        await wire.ws.send_json(said("Never mind."))
        cancelled = await wire.until("serverContent", "turnComplete")
        await wire.send(toolResponse={"functionResponses": [{"id": call["id"], "response": {"output": "done"}}]})
        await wire.until("serverContent", "turnComplete")
        requests = await wire.sandbox.requests("llm")
    assert cancelled[0] == {"toolCallCancellation": {"ids": [call["id"]]}}
    assert len(requests) == 2
    assert [message.role for message in requests[-1].messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("scheduling", ["WHEN_IDLE", "SILENT"])
async def test_newer_models_wait_for_no_result(scheduling: str) -> None:
    """Their turn ends with the call, and the result begins one of its own, unless it is to be silent."""
    async with connected(SETUP | {"tools": [{"functionDeclarations": [LOOK]}]}) as wire:
        await wire.sandbox.script("Look.", "A cat.", typed=True, call=ToolCall("look"))
        await wire.ws.send_json(said("Look."))
        told = await wire.until("serverContent", "turnComplete")
        [call] = told[0]["toolCall"]["functionCalls"]
        answer = {"id": call["id"], "scheduling": scheduling, "response": {"output": "done"}}
        await wire.send(toolResponse={"functionResponses": [answer]})
        if scheduling == "SILENT":
            # Had an answer been asked for, this would interrupt it.
            await wire.ws.send_json(said("[Noted.]", complete=False))
            await wire.ws.send_json(said("Go on."))
        told = await wire.until("serverContent", "turnComplete")
        asked, answered = await wire.sandbox.requests("llm")
    assert asked.tool_call is not None
    assert "interrupted" not in kinds(told)
    after = ["user", "user"] if scheduling == "SILENT" else []
    assert [message.role for message in answered.messages] == ["user", "assistant", "tool", *after]


async def test_result_waits_for_who_speaks() -> None:
    """Both are answered together."""
    async with connected(SETUP | MANUAL | {"tools": [{"functionDeclarations": [LOOK]}]}) as wire:
        await wire.sandbox.script("Look.", "A cat.", typed=True, call=ToolCall("look"))
        await wire.ws.send_json(said("Look."))
        told = await wire.until("serverContent", "turnComplete")
        [call] = told[0]["toolCall"]["functionCalls"]
        await wire.send(realtimeInput={"activityStart": {}})
        await wire.send(toolResponse={"functionResponses": [{"id": call["id"], "response": {"output": "done"}}]})
        await wire.send(realtimeInput={"text": "And then?"})
        await wire.send(realtimeInput={"activityEnd": {}})
        told = await wire.until("serverContent", "turnComplete")
        _, answered = await wire.sandbox.requests("llm")
    assert "interrupted" not in kinds(told)
    assert [message.role for message in answered.messages] == ["user", "assistant", "tool", "user"]


async def test_written_input_is_answered() -> None:
    """It counts as activity."""
    async with connected() as wire:
        await wire.send(realtimeInput={"text": "Hello."})
        await wire.until("serverContent", "turnComplete")
        [request] = await wire.sandbox.requests("llm")
    assert [message.text for message in request.messages] == ["Hello."]


async def test_end_of_the_stream_ends_what_is_said() -> None:
    """No silence needs to prove it."""
    async with connected() as wire:
        await wire.send(realtimeInput={"audio": blob(pcm.resample(VOICE, HZ, 16_000), "audio/pcm;rate=16000")})
        await wire.send(realtimeInput={"audioStreamEnd": True})
        await wire.until("serverContent", "turnComplete")
        [utterance] = (await wire.sandbox.requests("realtime"))[0].utterances
    assert utterance.text == "(unscripted)"


async def test_activity_without_anything_asks_for_nothing() -> None:
    """What follows it is answered alone."""
    async with connected(SETUP | MANUAL) as wire:
        await wire.send(realtimeInput={"activityStart": {}})
        await wire.send(realtimeInput={"activityEnd": {}})
        await wire.send(realtimeInput={"audio": blob(SILENCE, "audio/pcm;rate=16000")})
        await wire.send(realtimeInput={"activityStart": {}})
        await wire.send(realtimeInput={"text": "Hello."})
        await wire.send(realtimeInput={"activityEnd": {}})
        await wire.until("serverContent", "turnComplete")
        [request] = await wire.sandbox.requests("llm")
        [entry] = await wire.sandbox.requests("realtime")
    assert [message.text for message in request.messages] == ["Hello."]
    assert entry.utterances == []


@pytest.mark.parametrize(
    ("message", "code", "named"),
    [
        (said("Be kind.", "system"), 1007, "role"),
        ({"clientContent": {"turns": [{"parts": [{"text": "Hi."}]}]}}, 1007, "role"),
        ({"realtimeInput": {"video": blob(b"no picture")}}, 1007, "image"),
        ({"realtimeInput": {"video": blob(jpeg("red")[:-40])}}, 1007, "image"),
        ({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "%"}}}, 1007, "invalid argument"),
        ({"clientContent": {"turns": [{"role": "user", "parts": [{"inlineData": blob(b"x")}]}]}}, 1007, "image"),
        ({"realtimeInput": {"activityStart": {}}}, 1007, "activity"),
        ({"realtimeInput": {"smell": {}}}, 1007, "smell"),
        ({"conversation": {}}, 1007, "conversation"),
        ({"setup": SETUP}, 1007, "invalid argument"),
        ({"clientContent": {}, "realtimeInput": {}}, 1007, "invalid argument"),
    ],
)
async def test_wrong_message_ends_the_connection(message: dict[str, Any], code: int, named: str) -> None:
    """There is no other way to refuse one."""
    async with connected() as wire:
        await wire.ws.send_json(message)
        ended, reason = await wire.end()
        [entry] = await wire.sandbox.requests("realtime")
    assert ended == code
    assert named in reason
    assert (entry.status, entry.error) == ("error", reason)


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        ({}, 1007),
        (SETUP | {"realtimeInputConfig": {"turnCoverage": "SOME"}}, 1007),
        (SETUP | {"contextWindowCompression": {"triggerTokens": "many"}}, 1007),
        (SETUP | {"tools": [{"functionDeclarations": [{"name": "no name"}]}]}, 1007),
        (SETUP | {"sessionResumption": {"handle": "nobody's"}}, 1008),
    ],
)
async def test_wrong_setup_ends_the_connection(setup: dict[str, Any], code: int) -> None:
    """Before there is a session."""
    async with connected(None) as wire:
        await wire.send(setup=setup)
        ended, _ = await wire.end()
    assert ended == code


async def test_first_message_is_the_setup() -> None:
    """Nothing goes before it."""
    async with connected(None) as wire:
        await wire.ws.send_json(said("Hello."))
        ended, _ = await wire.end()
    assert ended == 1007


@pytest.mark.parametrize("query", ["key=wrong-key", ""])
async def test_wrong_key_ends_the_connection(query: str) -> None:
    """And leaves no record."""
    async with connected(None, query=query) as wire:
        await wire.send(setup=SETUP)
        ended, reason = await wire.end()
        assert await wire.sandbox.requests("realtime") == []
    assert ended == 1007
    assert "API key" in reason


@pytest.mark.parametrize(("status", "named"), [(500, "Internal"), (429, "quota"), (503, "unavailable")])
async def test_error_ends_the_connection(status: int, named: str) -> None:
    """This wire has no other errors. One for another vendor is not met."""
    async with connected() as wire:
        await wire.sandbox.fault("realtime", "error", status=status, vendor="google")
        await wire.sandbox.fault("realtime", "drop", vendor="openai")
        await wire.ws.send_json(said("Hello."))
        ended, reason = await wire.end()
        [request] = await wire.sandbox.requests("llm")
    assert ended == 1011
    assert named in reason
    assert (request.fault, request.status) == ("error", "error")


@pytest.mark.parametrize("early", [True, False])
async def test_client_that_stays_is_sent_away(early: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Ordered before it came, or while it is there."""
    async with connected(None) as wire:
        if early:
            await wire.sandbox.fault("realtime", "go_away", delay_ms=200)
        await wire.send(setup=SETUP)
        assert "setupComplete" in await wire.tell()
        if not early:
            await wire.sandbox.fault("realtime", "go_away", delay_ms=200)
        assert await wire.tell() == {"goAway": {"timeLeft": "0.2s"}}
        ended, reason = await wire.end()
        [entry] = await wire.sandbox.requests("realtime")
    assert ended == 1008
    assert "GoAway" in reason
    assert (entry.fault, entry.status) == ("go_away", "error")


async def test_too_much_for_the_context_ends_the_connection() -> None:
    """Where nothing is taken out of it."""
    async with connected() as wire:
        for _ in range(4):
            await wire.ws.send_json(said("x" * 140_000, complete=False))
        ended, _ = await wire.end()
        [entry] = await wire.sandbox.requests("realtime")
    assert ended == 1007
    assert entry.held == 4


async def test_names_may_be_written_with_underscores() -> None:
    """As some clients do, and with the alphabet for addresses."""
    data = base64.urlsafe_b64encode(jpeg("red")).decode().rstrip("=")
    parts = [{"text": "Hi."}, {"inline_data": {"mime_type": "image/jpeg", "data": data}}]
    async with connected() as wire:
        await wire.send(client_content={"turns": [{"role": "user", "parts": parts}], "turn_complete": True})
        await wire.until("serverContent", "turnComplete")
        [request] = await wire.sandbox.requests("llm")
    assert len(request.messages[0].images) == 1
