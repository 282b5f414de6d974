"""The offline providers: one loopback server that speaks their real protocols.

Deepgram and OpenAI listen, OpenAI thinks, Cartesia and OpenAI speak; OpenAI Realtime and Gemini Live do it all.
Google's client wants TLS: `GET /sandbox/tls` tells where, and which authorities to trust.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from aiohttp import WSCloseCode, web

from sandbox.certificate import make_certificate
from sandbox.control import routes as control
from sandbox.control.script import Mode, Script
from sandbox.control.state import STATE, State, Tls
from sandbox.llm import chat
from sandbox.realtime import gemini
from sandbox.realtime import openai as openai_realtime
from sandbox.stt import deepgram
from sandbox.stt import openai as openai_stt
from sandbox.tts import cartesia
from sandbox.tts import openai as openai_tts
from sandbox.tts.voice import VoiceError

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A model request with a hundred pictures fits; memory is not for the asking."""

SHUTDOWN_S = 1.0
"""Seconds that requests get to end by themselves."""


@dataclass(frozen=True)
class Options:
    """How a sandbox starts."""

    mode: Mode = field(default_factory=Mode)
    models: bool = True
    """Load ears, eyes and voice; without them only the exact mode works."""
    stt_hangover_ms: int = 250
    """Silence that ends an utterance."""


class Sandbox:
    """The providers on one address. `start` and `aclose`, or `async with`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, options: Options | None = None) -> None:
        """Prepare a sandbox.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes any that is free.
            options: How to start.
        """
        options = options or Options()
        # Without models nothing but the exact mode could answer.
        mode = options.mode if options.models else options.mode.changed({"exact": True})
        self.host = host
        self.port = port
        self.state = State(script=Script(mode), models=options.models, stt_hangover_ms=options.stt_hangover_ms)
        self._loading: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        """Where it answers, without a path."""
        return f"http://{self.host}:{self.port}"

    @property
    def tls(self) -> Tls:
        """Where it answers by TLS, to those who trust its authorities.

        Raises:
            RuntimeError: It does not run.
        """
        if self.state.tls is None:
            raise RuntimeError("the sandbox does not run")
        return self.state.tls

    async def start(self) -> None:
        """Listen, and begin to load the models; `wait_ready` waits for them.

        Raises:
            OSError: The address is taken.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[control.answer_bad_orders])
        app[STATE] = self.state
        for part in (deepgram, openai_stt, chat, cartesia, openai_tts, openai_realtime, gemini, control):
            part.add_routes(app)
        app.router.add_get("/healthz", self._healthz)
        app.on_shutdown.append(self._close_sockets)
        # A client that leaves cancels its request: that is how an abandoned speculation is told from a reply.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self._folder = TemporaryDirectory(prefix="sighted-sandbox-")
        context, authorities = await asyncio.to_thread(make_certificate, Path(self._folder.name))
        await web.TCPSite(self._runner, self.host, 0, ssl_context=context).start()
        self.port, tls_port = (address[1] for address in self._runner.addresses[:2])
        self.state.tls = Tls(f"https://127.0.0.1:{tls_port}", str(authorities))
        if self.state.models:
            self._loading = asyncio.create_task(self.state.senses.load())

    async def wait_ready(self) -> None:
        """Wait until the models are loaded.

        Raises:
            ImportError: The sandbox extra is not installed.
            VoiceError: The voice process did not start.
        """
        if self._loading:
            await asyncio.shield(self._loading)

    async def aclose(self) -> None:
        """Stop listening, end every request and unload the models."""
        if self._loading:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
        if self._folder:
            self._folder.cleanup()
        await self.state.senses.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _healthz(self, _: web.Request) -> web.Response:
        if self._loading is None:
            return web.Response(text="ok\n")
        if not self._loading.done():
            return web.Response(status=503, text="loading the models\n")
        if error := self._loading.exception():
            return web.Response(status=500, text=f"the models did not load: {error}\n")
        return web.Response(text="ok\n")

    async def _close_sockets(self, _: web.Application) -> None:
        closing = [ws.close(code=WSCloseCode.GOING_AWAY) for ws in self.state.sockets]
        await asyncio.gather(*closing, return_exceptions=True)


async def serve(host: str, port: int, *, options: Options) -> int:
    """Run a sandbox until SIGTERM or SIGINT; the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(host, port, options) as sandbox:
        ready = asyncio.create_task(sandbox.wait_ready())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return 0
        try:
            ready.result()
        except (ImportError, VoiceError) as error:
            stopping.cancel()
            print(f"sandbox: the models did not load: {error}", file=sys.stderr)  # noqa: T201  # a command
            return 1
        print(f"sandbox: ready on {sandbox.url}", flush=True)  # noqa: T201  # a command
        await stopping
    return 0


def parse(argv: Sequence[str]) -> tuple[str, int, Options]:
    """Host, port and options from a command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7990, help="port to listen on (%(default)s)")
    parser.add_argument("--exact", action="store_true", help="scripted answers instead of models")
    parser.add_argument("--llm-first-token-ms", type=int, default=300, metavar="MS", help="with --exact (300)")
    parser.add_argument("--tts-first-sound-ms", type=int, default=80, metavar="MS", help="with --exact (80)")
    parser.add_argument("--stt-hangover-ms", type=int, default=250, metavar="MS", help="silence that ends speech")
    args = parser.parse_args(argv)
    mode = Mode(args.exact, args.llm_first_token_ms, args.tts_first_sound_ms)
    return args.host, args.port, Options(mode, models=not args.exact, stt_hangover_ms=args.stt_hangover_ms)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server from a command line; the exit code."""
    # Installed models are all there is: whoever would look for others must not find a network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    host, port, options = parse(sys.argv[1:] if argv is None else argv)
    return asyncio.run(serve(host, port, options=options))


if __name__ == "__main__":
    sys.exit(main())
