"""The endpoint that orchestrators ask: `/healthz` (alive), `/readyz` (would take a call) and `/metrics`."""

import structlog
from aiohttp import web
from livekit.agents import AgentServer
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from agent.ops.starts import StartWatch
from config.groups import WorkerSettings

log = structlog.stdlib.get_logger(__name__)


class Registration:
    """Whether the LiveKit server knows this worker at the moment, and a call would be served.

    The framework says when a worker is registered but not when the connection is lost, so this reads its private
    flag: the one place that does, held by `tests/unit/test_framework_facts.py`.
    """

    def __init__(self, server: AgentServer, starts: StartWatch):
        self._server = server
        self._starts = starts
        self.registered_once = False
        server.on("worker_registered", self._on_registered)

    def ready(self) -> bool:
        """Registered, connected, able to start job processes and not draining."""
        connected = self.registered_once and not self._server._connecting  # noqa: SLF001 - see above
        return connected and self._starts.possible and not self._server.draining

    def _on_registered(self, *_: object) -> None:
        self.registered_once = True


class HealthServer:
    """Serves the endpoint from `start` to `aclose`."""

    def __init__(self, settings: WorkerSettings, registration: Registration):
        self._settings = settings
        self._registration = registration
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: If the port is taken.
        """
        app = web.Application()
        app.add_routes(
            [web.get("/healthz", self._alive), web.get("/readyz", self._ready), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.http_host, self._settings.http_port).start()
        log.info("health_listening", address=list(self._runner.addresses[0][:2]))

    async def aclose(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _ready(self, _: web.Request) -> web.Response:
        ready = self._registration.ready()
        return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})
