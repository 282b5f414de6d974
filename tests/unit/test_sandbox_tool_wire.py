"""Function tools over the wire of the chat completions, in exact mode, and what the record keeps of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry, ToolCall
from sandbox.control.orders import BadOrder
from sandbox.server import Sandbox

QUESTION = "What is in the corner?"
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look closely.",
        "parameters": {"type": "object", "properties": {"region": {"type": ["string", "null"]}}},
    },
}
CALL = ToolCall("look", {"region": "top right"})


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """A client session."""
    async with aiohttp.ClientSession(sandbox.url, headers={"Authorization": "Bearer any"}) as session:
        yield session


def user(text: str) -> dict[str, Any]:
    """A user's words."""
    return {"role": "user", "content": text}


def calling(*ids: str) -> dict[str, Any]:
    """An assistant's message that asks for tools."""
    function = {"name": "look", "arguments": '{"region": null}'}
    calls = [{"id": name, "type": "function", "function": function} for name in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str) -> dict[str, Any]:
    """What a tool gave."""
    return {"role": "tool", "tool_call_id": call_id, "content": "Shown below."}


async def ask(http: aiohttp.ClientSession, *messages: dict[str, Any], **more: object) -> dict[str, Any]:
    """The JSON of a completion that is not streamed."""
    body = {"model": "sandbox", "messages": messages, **more}
    async with http.post("/v1/chat/completions", json=body) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == (400 if "error" in answer else 200)
        return answer


async def newest(client: SandboxClient) -> Entry:
    """The newest completion on record."""
    return (await client.requests("llm"))[-1]


async def test_a_scripted_call_comes_before_the_answer(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Also for the request that replaces a speculation; after the tool's result the answer is the usual one."""
    await client.script(QUESTION, typed=True, call=CALL)
    for _ in range(2):
        choice = (await ask(http, user(QUESTION), tools=[LOOK]))["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
    entry = await newest(client)
    assert entry.tools == ["look"]
    assert entry.tool_call == ToolCall("look", {"region": "top right"}, f"call_{entry.id}")
    assert (entry.reply, entry.status) == ("", "ok")
    assert entry.completion_tokens > 0
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "look", "arguments": '{"region": "top right"}'}
    shown = user("[The user's camera, top right, in full resolution.]")
    history = [user(QUESTION), choice["message"], result(call["id"]), shown]
    reply = (await ask(http, *history, tools=[LOOK]))["choices"][0]
    entry = await newest(client)
    assert (reply["message"]["content"], reply["finish_reason"]) == (f"Answer {entry.id}.", "stop")
    assert entry.tool_call is None
    assert [message.role for message in entry.messages] == ["user", "assistant", "tool", "user"]
    assert entry.messages[1].tool_calls == [ToolCall("look", {"region": "top right"}, call["id"])]
    assert entry.messages[2].tool_call_id == call["id"]


async def test_a_scripted_call_needs_its_tool(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Without the tool, or where it may not be called, the question is simply answered."""
    await client.script(QUESTION, "It is red.", typed=True, call=CALL)
    for more in ({}, {"tools": [LOOK], "tool_choice": "none"}):
        answer = await ask(http, user(QUESTION), **more)
        assert answer["choices"][0]["message"]["content"] == "It is red."


async def test_a_streamed_call_comes_in_pieces(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Id and name once, then arguments that only together are JSON, then the reason."""
    await client.script(QUESTION, typed=True, call=CALL)
    body = {"model": "sandbox", "messages": [user(QUESTION)], "tools": [LOOK], "stream": True}
    async with http.post("/v1/chat/completions", json=body) as response:
        lines = [line.decode().strip() async for line in response.content if line.strip()]
    choices = [json.loads(line.removeprefix("data: "))["choices"][0] for line in lines[:-1]]
    entry = await newest(client)
    first, *pieces, last = choices
    assert first["delta"]["tool_calls"] == [
        {"index": 0, "id": f"call_{entry.id}", "type": "function", "function": {"name": "look", "arguments": ""}}
    ]
    assert len(pieces) > 1
    arguments = "".join(piece["delta"]["tool_calls"][0]["function"]["arguments"] for piece in pieces)
    assert json.loads(arguments) == {"region": "top right"}
    assert (last["delta"], last["finish_reason"]) == ({}, "tool_calls")
    assert entry.tool_call is not None
    assert entry.first_byte is not None


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([user("Hi"), result("a")], "messages[1].tool_call_id"),
        ([user("Hi"), calling("a"), result("b")], "messages[2].tool_call_id"),
        ([user("Hi"), calling("a"), result("a"), result("a")], "messages[3].tool_call_id"),
        ([user("Hi"), calling("a")], "messages[2].role"),
        ([user("Hi"), calling("a", "b"), result("a"), user("So?")], "messages[3].role"),
        ([user("Hi"), calling("a"), user("So?"), result("a")], "messages[2].role"),
        ([user("Hi"), {"role": "assistant", "content": None}], "messages[1].content"),
        ([{"role": "system", "content": [{"type": "image_url", "image_url": {"url": ""}}]}], "messages[0].content[0]"),
    ],
)
async def test_calls_and_results_must_match(
    http: aiohttp.ClientSession, messages: list[dict[str, Any]], param: str
) -> None:
    """Each call is answered right after it, nothing else is, and the error names the place."""
    error = (await ask(http, *messages, tools=[LOOK]))["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


async def test_several_calls_are_answered_in_any_order(http: aiohttp.ClientSession) -> None:
    """By their ids."""
    answer = await ask(http, user("Hi"), calling("a", "b"), result("b"), result("a"))
    assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "more",
    [
        {"tools": []},
        {"tools": "look"},
        {"tools": [LOOK] * 129},
        {"tools": [{"type": "retrieval"}]},
        {"tools": [{"type": "function", "function": {}}]},
        {"tools": [{"type": "function", "function": {"name": "look closer"}}]},
        {"tools": [{"type": "function", "function": {"name": "look", "parameters": []}}]},
        {"tool_choice": "auto"},
        {"tools": [LOOK], "tool_choice": "always"},
        {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "recall"}}},
    ],
)
async def test_bad_tools_are_refused(http: aiohttp.ClientSession, more: dict[str, Any]) -> None:
    """Never a crash."""
    assert (await ask(http, user("Hi"), **more))["error"]["message"]


async def test_arguments_that_are_no_json_are_kept_as_they_are(
    http: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """A provider passes on what its model wrote."""
    message = calling("a")
    message["tool_calls"][0]["function"]["arguments"] = "{oops"
    await ask(http, user("Hi"), message, result("a"))
    assert (await newest(client)).messages[1].tool_calls == [ToolCall("look", {"unreadable": "{oops"}, "a")]


async def test_a_digest_tells_whether_a_message_was_sent_unchanged(
    http: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """Equal for the same JSON however it is spaced, other for any other content or order of keys."""
    await ask(http, user("Hi"), calling("a"), result("a"))
    before = [message.sha256 for message in (await newest(client)).messages]
    await ask(http, user("Hi"), calling("a"), result("a"), user("More"))
    assert [message.sha256 for message in (await newest(client)).messages][:3] == before
    for changed in ({"content": "Hi", "role": "user"}, {"role": "user", "content": "Hi "}):
        await ask(http, changed)
        assert (await newest(client)).messages[0].sha256 != before[0]
    spaced = b'{ "model": "x", "messages": [ {"role":"user",\n"content" : "H\\u0069"} ] }'
    async with http.post("/v1/chat/completions", data=spaced) as response:
        assert response.status == 200
    assert (await newest(client)).messages[0].sha256 == before[0]


async def test_other_tools_save_no_tokens(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """Tools stand before the first message, so the prompt cache knows the beginning only with the same ones."""
    long = user("x" * 8_000)
    cached = []
    for tools in ([LOOK], [LOOK], [LOOK | {"strict": True}]):
        await ask(http, long, tools=tools)
        cached.append((await newest(client)).cached_tokens)
    assert cached[0] == cached[2] == 0
    assert cached[1] > 1_900


async def test_bad_calls_in_a_script_are_refused(http: aiohttp.ClientSession, client: SandboxClient) -> None:
    """A call has a name and an object of arguments, and nothing else."""
    for call in ("look", {}, {"name": "look", "arguments": "{}"}, {"name": "look", "id": "a"}):
        async with http.post("/sandbox/script", json={"hear": "x", "call": call}) as response:
            assert response.status == 400
    with pytest.raises(BadOrder, match="name is ''"):
        await client.script("x", call=ToolCall(""))
