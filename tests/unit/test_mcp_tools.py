"""Tools of MCP servers, by the real client and a real server on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from livekit.agents import Agent
from mcp.server import MCPServer
from structlog.testing import capture_logs

from agent.toolbox import McpTools
from config.groups import AgentSettings
from tests.session import calling


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """An MCP server with two tools; its address."""
    shop = MCPServer("shop")

    @shop.tool()
    def opening_hours(day: str) -> str:
        """Tell when the shop is open."""
        return f"nine to five on {day}"

    @shop.tool()
    def look() -> str:
        """Look, as a tool of ours is called."""
        return ""

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        options = uvicorn.Config(shop.streamable_http_app(), log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(options)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            await running


async def lent(agent: Agent, url: str, event: str) -> tuple[McpTools, list[dict[str, object]]]:
    """Lend an agent a server's tools, and wait for the log to tell."""
    tools = McpTools(AgentSettings(mcp_servers=(url,)))
    with capture_logs() as logs:
        tools.lend_to(agent)
        async with asyncio.timeout(30):
            while not any(line["event"] == event for line in logs):  # noqa: ASYNC110 - a log has no events
                await asyncio.sleep(0.01)
    return tools, [dict(line) for line in logs]


async def test_model_calls_the_tool_of_a_server() -> None:
    """It is offered beside ours, whose names are taken, and its result goes back to the model."""
    async with serving() as url, calling(("opening_hours", '{"day": "Monday"}')) as call:
        tools, logs = await lent(call.agent, url, "mcp_tools_lent")
        assert logs == [{"event": "mcp_tools_lent", "log_level": "info", "tools": 1, "left_out": 1}]
        await call.reply("When are you open?")
        assert sorted(call.model.offered[0]) == ["look", "opening_hours", "recall"]
        results = [item for item in call.model.requests[-1].items if item.type == "function_call_output"]
        assert "nine to five on Monday" in results[-1].output
        await tools.aclose()


async def test_server_that_cannot_be_reached_costs_only_its_tools() -> None:
    """The call goes on, and the log does not repeat the address, which may hold a secret."""
    async with calling() as call:
        tools, logs = await lent(call.agent, "http://127.0.0.1:9/mcp?key=secret", "mcp_server_not_reached")
        assert "secret" not in str(logs)
        await call.reply("Hello?")
        assert len(call.turns) == 1
        await tools.aclose()
