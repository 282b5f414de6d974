"""The demo's page: talk to the agent, show it things, see what it saw."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

from aiohttp import web

from sandbox.page import files
from sandbox.page.calls import Calls
from sandbox.page.policy import LOOPBACK, guard
from sandbox.stack import AGENT_NAME, HOST, Address


class Page:
    """The page on one address. `start` and `aclose`, or `async with`."""

    def __init__(
        self,
        address: Address,
        *,
        host: str = HOST,
        port: int = 0,
        browser_url: str = "",
        agent_name: str = AGENT_NAME,
        hosts: Collection[str] = (),
        library: Path = files.LIBRARY,
    ) -> None:
        """Prepare the page.

        Args:
            address: The LiveKit server.
            host: Address to listen on.
            port: Port to listen on; 0 takes any that is free.
            browser_url: Where the browser finds the LiveKit server; empty for the same address as we do.
            agent_name: The worker's.
            hosts: Names under which the page is reached, besides those of loopback.
            library: The file of the LiveKit SDK.

        Raises:
            ValueError: If an address of the LiveKit server is none.
        """
        browser_url = browser_url or address.url
        self.host = host
        self.port = port
        self._app = web.Application(middlewares=[guard(browser_url, LOOPBACK | set(hosts))])
        files.add_routes(self._app, library)
        Calls(address, browser_url, agent_name).add_routes(self._app)
        self._runner = web.AppRunner(self._app, access_log=None)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address is taken.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def aclose(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def serve(page: Page) -> int:
    """Run the page until SIGTERM or SIGINT; the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with page:
        print(f"page: {page.url}", flush=True)  # noqa: T201  # a command
        await stop.wait()
    return 0


def parse(argv: Sequence[str]) -> Page:
    """The page from a command line, and the LiveKit server from the environment; exits where one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sandbox page", description=__doc__)
    parser.add_argument("--host", default=HOST, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (%(default)s)")
    parser.add_argument("--agent", default=AGENT_NAME, help="the agent's name (%(default)s)")
    parser.add_argument("--browser-url", default="", metavar="URL", help="LiveKit for the browser (LIVEKIT_URL)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer under this name too; whoever reaches it gets into calls (only loopback names)",
    )
    args = parser.parse_args(argv)
    names = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    if missing := [name for name in names if not os.environ.get(name)]:
        parser.error(f"not set: {', '.join(missing)}")
    if not files.installed():
        parser.error(f"the page {files.MISSING}")
    try:
        return Page(
            Address(*(os.environ[name] for name in names)),
            host=args.host,
            port=args.port,
            browser_url=args.browser_url,
            agent_name=args.agent,
            hosts=args.allow_host,
        )
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the page from a command line; the exit code."""
    return asyncio.run(serve(parse(sys.argv[1:] if argv is None else argv)))
