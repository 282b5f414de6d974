"""A network namespace of a test's own: a worker in it can be cut off from the server, and from nothing else."""

import asyncio
import os
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4


class NoNetworkError(Exception):
    """This machine lets nobody make namespaces; the message says why."""


@dataclass(frozen=True)
class Link:
    """A cable between this machine's network and the namespace.

    Attributes:
        name: Of the interface at our end.
        host: Our address.
        inner: The namespace's address.
    """

    name: str
    host: str
    inner: str


@dataclass(frozen=True)
class Namespace:
    """A network of its own with two cables.

    Attributes:
        name: As `ip netns` knows it.
        server: The cable to the LiveKit server.
        rest: The cable to everything else.
    """

    name: str
    server: Link
    rest: Link

    async def cut(self) -> None:
        """Whatever is sent to or from the server from now on is lost, in silence."""
        await _ip("link", "set", self.server.name, "down")

    async def mend(self) -> None:
        """Connect again."""
        await _ip("link", "set", self.server.name, "up")

    def command(self, *command: str) -> list[str]:
        """A command line that runs a program inside."""
        return ["ip", "netns", "exec", self.name, *command]


async def make_namespace(running: AsyncExitStack) -> Namespace:
    """Make one; `running` ends it.

    Raises:
        NoNetworkError: If that is not possible here.
    """
    if shutil.which("ip") is None:
        raise NoNetworkError("there is no `ip` (Debian's iproute2)")
    if os.geteuid() != 0:
        raise NoNetworkError("only root may make network namespaces")
    # A third byte of its own keeps two runs on one machine apart.
    suffix, net = uuid4().hex[:6], os.getpid() % 250
    name = f"sighted-{suffix}"
    namespace = Namespace(
        name,
        Link(f"sgs{suffix}", f"10.213.{net}.1", f"10.213.{net}.2"),
        Link(f"sgr{suffix}", f"10.214.{net}.1", f"10.214.{net}.2"),
    )
    await _ip("netns", "add", name)
    running.push_async_callback(_ip, "netns", "del", name)
    await _ip("-n", name, "link", "set", "lo", "up")
    for link in (namespace.server, namespace.rest):
        peer = f"{link.name}i"
        await _ip("link", "add", link.name, "type", "veth", "peer", "name", peer, "netns", name)
        await _ip("address", "add", f"{link.host}/30", "dev", link.name)
        await _ip("link", "set", link.name, "up")
        await _ip("-n", name, "address", "add", f"{link.inner}/30", "dev", peer)
        await _ip("-n", name, "link", "set", peer, "up")
    return namespace


async def _ip(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "ip", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise NoNetworkError(f"ip {' '.join(arguments)}: {output.decode().strip()}")
