"""The operator's own tools: functions of their modules, and MCP servers."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import Any

import structlog
from livekit.agents import Agent
from livekit.agents.llm import FunctionTool, RawFunctionTool, Tool

from agent.errors import ToolsError
from config.groups import AgentSettings

log = structlog.stdlib.get_logger(__name__)

OURS = ("look", "recall")
"""Names of the tools that are built in: see `agent.vision.tools`."""
CLOSE_S = 1.0
"""Seconds that the servers have to say goodbye, all together."""
CONNECT_S = 10.0
"""Seconds for one MCP server to be reached and to tell its tools; calls do not wait for it."""


def load_tools(names: Sequence[str]) -> list[Tool]:
    """Import the tools of `AGENT__TOOLS`.

    Raises:
        ToolsError: If a module can't be imported, a name is not there or no tool, or two have the same name.
    """
    found: list[Tool] = []
    for name in names:
        found += _tools_of(name)
    seen = set(OURS)
    for tool in found:
        if tool.id in seen:
            raise ToolsError(f"found two tools named {tool.id!r}, each name may be there once")
        seen.add(tool.id)
    return found


def _tools_of(name: str) -> list[Tool]:
    module, _, attribute = name.partition(":")
    try:
        value: Any = getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise ToolsError(f"found {name!r}: the module has no {attribute}") from None
    except Exception as error:  # whatever their code raises
        raise ToolsError(f"found {name!r}: {type(error).__name__}: {error}") from error
    tools = list(value) if isinstance(value, (list, tuple)) else [value]
    for tool in tools:
        if not isinstance(tool, (FunctionTool, RawFunctionTool)):
            kind = type(tool).__name__
            raise ToolsError(f"found {name!r}: {kind}, expected functions with @function_tool of livekit.agents")
    return tools


class McpTools:
    """Lends an agent the tools of MCP servers for as long as a call lives; one out of reach costs only its own."""

    def __init__(self, settings: AgentSettings):
        self._settings = settings
        self._servers: list[Any] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._order = asyncio.Lock()

    def lend_to(self, agent: Agent) -> None:
        """Connect in the background, and give the agent each server's tools as soon as they are known."""
        for url in self._settings.mcp_servers:
            task = asyncio.create_task(self._connect(url, agent))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def aclose(self) -> None:
        """Leave every server."""
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        if closing := [asyncio.create_task(server.aclose()) for server in self._servers]:
            _, slow = await asyncio.wait(closing, timeout=CLOSE_S)
            for each in slow:
                each.cancel()
            await asyncio.gather(*closing, return_exceptions=True)

    async def _connect(self, url: str, agent: Agent) -> None:
        from livekit.agents.llm.mcp import MCPServerHTTP  # noqa: PLC0415 - a second of imports that few workers need

        token = self._settings.mcp_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        server = MCPServerHTTP(url, headers=headers)
        self._servers.append(server)
        try:
            async with asyncio.timeout(CONNECT_S):
                await server.initialize()
                offered = await server.list_tools()
            async with self._order:
                taken = {tool.id for tool in agent.tools}
                new = [tool for tool in offered if tool.id not in taken]
                await agent.update_tools([*agent.tools, *new])
        except Exception as error:  # noqa: BLE001 - the call goes on without; the text may hold the address's secrets
            log.error("mcp_server_not_reached", error=type(error).__name__)  # noqa: TRY400
            return
        log.info("mcp_tools_lent", tools=len(new), left_out=len(offered) - len(new))
