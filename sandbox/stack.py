"""The whole stack on loopback: LiveKit server, provider stand-ins and worker, as the demo and the tests run it."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import aiohttp

from sandbox.control.client import SandboxClient
from sandbox.process import Service, ServiceError

HOST = "127.0.0.1"
API_KEY = "devkey"
API_SECRET = "sandbox-secret-for-loopback-only-0000"  # noqa: S105 - guards nothing: the server listens on loopback
AGENT_NAME = "sighted"
ROOT = Path(__file__).resolve().parent.parent
Ready = Callable[[], Awaitable[bool]]

_SERVER_CONFIG = """\
port: {port}
bind_addresses: [{hosts}]
rtc:
  tcp_port: {tcp_port}
  udp_port: {udp_port}
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: {{includes: [{interfaces}]}}
  ips: {{includes: [{ips}]}}
keys: {{{key}: {secret}}}
logging: {{level: info}}
"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a LiveKit server is, and how to get in."""

    url: str
    api_key: str
    api_secret: str


def free_port(preferred: int = 0) -> int:
    """The preferred port if nothing has it, else a free one below the range of outgoing connections."""
    candidates = [preferred] if preferred else []
    candidates += [20000 + (os.getpid() * 7 + step * 13) % 12000 for step in range(200)]
    for port in candidates:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((HOST, port))
                udp.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ServiceError("no free port found on loopback")


async def find_livekit_server() -> str:
    """Path of the server binary, from the PATH or the cache that `make setup` fills.

    Raises:
        ServiceError: If there is none.
    """
    finder = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "livekit-server.sh", "--find", stdout=asyncio.subprocess.PIPE
    )
    found, _ = await finder.communicate()
    if finder.returncode != 0:
        raise ServiceError("no LiveKit server found: run `make setup`")
    return found.decode().strip()


async def livekit_service(
    logs: Path, *, port: int = 0, links: Mapping[str, str] = MappingProxyType({"lo": HOST}), redis: str = ""
) -> tuple[Service, Address, Ready]:
    """A LiveKit server that is not started yet, its address, and what tells that it is up.

    Args:
        logs: Where its log goes.
        port: The preferred port.
        links: The network interfaces it listens on, each with its address; the first is the one in the address.
        redis: Host and port of a Redis; all servers that share one are one.
    """
    port = free_port(port)
    config = _SERVER_CONFIG.format(
        hosts=", ".join(links.values()),
        interfaces=", ".join(links),
        ips=", ".join(f'"{address}/32"' for address in links.values()),
        port=port,
        tcp_port=free_port(port + 1),
        udp_port=free_port(port + 2),
        key=API_KEY,
        secret=API_SECRET,
    )
    if redis:
        config += f"redis: {{address: {redis}}}\n"
    service = Service(
        "LiveKit server", [await find_livekit_server(), "--config-body", config], log=logs / "livekit-server.log"
    )
    host = next(iter(links.values()))
    return service, Address(f"ws://{host}:{port}", API_KEY, API_SECRET), lambda: answers(f"http://{host}:{port}/")


async def start_livekit(running: AsyncExitStack, logs: Path, *, port: int = 0, redis: str = "") -> Address:
    """Start a LiveKit server for loopback alone, ended by `running`; all that share a Redis (host:port) are one."""
    service, address, ready = await livekit_service(logs, port=port, redis=redis)
    await start(running, service, ready)
    return address


async def start_sandbox(running: AsyncExitStack, logs: Path, *options: str, port: int = 0) -> str:
    """Start the provider stand-ins, ended by `running`; returns their base address."""
    port = free_port(port)
    command = [sys.executable, "-m", "sandbox", "serve", "--port", str(port), *options]
    service = Service("sandbox", command, log=logs / "sandbox.log")
    await start(running, service, lambda: answers(f"http://{HOST}:{port}/healthz"))
    return f"http://{HOST}:{port}"


async def start_worker(
    running: AsyncExitStack, logs: Path, env: Mapping[str, str], *, port: int = 0, module: str = "agent"
) -> Service:
    """Start the worker as an operator would, configured by `env` on top of our own environment; `running` ends it."""
    port = free_port(port)
    service = Service(
        "worker",
        [sys.executable, "-m", module, "start"],
        log=logs / "worker.log",
        env={
            # CPU and memory say little on a machine that also runs server, stand-ins and caller.
            "WORKER__MAX_LOAD": "0",
            "WORKER__MAX_MEMORY": "0",
            **os.environ,
            "WORKER__HTTP_HOST": HOST,
            "WORKER__HTTP_PORT": str(port),
            **env,
        },
    )
    await start(running, service, lambda: answers(f"http://{HOST}:{port}/readyz"))
    return service


async def start(running: AsyncExitStack, service: Service, ready: Ready) -> None:
    """Start a service, ended by `running`, and wait until it is ready."""
    # Handed over before it starts: whatever interrupts the start, the process is ended.
    running.push_async_callback(service.aclose)
    await service.start(ready, timeout_s=120)


def worker_env(address: Address, sandbox_url: str, real: Mapping[str, str] | None = None) -> dict[str, str]:
    """A worker's environment: the stand-ins, except where `real` has a provider's key or address of the user's own."""
    real = {name: value for name, value in (real or {}).items() if value}
    env = {
        "LIVEKIT_URL": address.url,
        "LIVEKIT_API_KEY": address.api_key,
        "LIVEKIT_API_SECRET": address.api_secret,
        "LIVEKIT_AGENT_NAME": AGENT_NAME,
        **real,
    }
    for provider, path in (("DEEPGRAM", "/v1/listen"), ("OPENAI", "/v1"), ("CARTESIA", "")):
        if f"{provider}_API_KEY" not in real and f"{provider}_BASE_URL" not in real:
            env[f"{provider}_API_KEY"] = "sandbox"
            env[f"{provider}_BASE_URL"] = f"{sandbox_url}{path}"
    return env


async def live_env(provider: str, sandbox_url: str) -> dict[str, str]:
    """What such an environment needs on top for a call on a speech-to-speech model, of `openai` or `google`."""
    env = {"AGENT__MODE": "realtime", "REALTIME__PROVIDER": provider}
    if provider != "google":
        return env
    async with SandboxClient(sandbox_url) as client:
        url, authorities = await client.tls()  # its client speaks TLS or not at all
    return {**env, "GOOGLE_API_KEY": "sandbox", "REALTIME__BASE_URL": url, "SSL_CERT_FILE": authorities}


async def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.ok
    except aiohttp.ClientError:
        return False
