"""`make demo`: everything on this machine, and one call that proves it works."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

from dotenv import dotenv_values
from livekit import api

from sandbox.page import files
from sandbox.page.server import Page
from sandbox.process import ServiceError
from sandbox.selftest import self_test
from sandbox.stack import (
    AGENT_NAME,
    HOST,
    ROOT,
    Address,
    free_port,
    live_env,
    start_livekit,
    start_sandbox,
    start_worker,
    worker_env,
)
from sandbox.tts.voice import Voice

_ROOM = "demo"
_PORT = 7880
_SANDBOX_PORT = 7990
_PAGE_PORT = 8080
_WORKER_PORT = 8081
_LOGS = ROOT / ".demo"
_PROVIDERS = ("DEEPGRAM", "OPENAI", "CARTESIA")
_SHARE = {"VISION__SHARE_SNAPSHOTS": "true"}
"""So that the page can show what the model saw; a setting of the user's own counts more."""


def main(arguments: list[str]) -> int:
    """Run the demo; 0 if the self-test went well, 1 if not or if something did not start."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the self-test, with 0 or 1")
    options = parser.parse_args(arguments)
    return asyncio.run(_main(once=options.once))


async def _main(*, once: bool) -> int:
    demo = asyncio.create_task(_demo(once=once))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Asked once is asked: a second Ctrl-C must not interrupt the tidying up, which takes seconds at most.
        loop.add_signal_handler(number, lambda: demo.cancelling() or demo.cancel())
    try:
        return await demo
    except asyncio.CancelledError:
        return 130
    except ServiceError as error:
        _say(f"\nFailed: {error}")
        return 1


async def _demo(*, once: bool) -> int:
    dotenv = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value and name not in os.environ}
    found = {**dotenv, **os.environ}
    real = _own_providers(found)
    started = time.monotonic()
    async with AsyncExitStack() as running:
        running.callback(lambda: _say("All stopped."))
        _say("Starting on loopback:")
        voice = Voice()
        running.push_async_callback(voice.aclose)
        address = await start_livekit(running, _LOGS, port=_PORT)
        _step("LiveKit server", address.url)
        # The worker contacts no provider before its first call, so it need not wait for the sandbox's models.
        sandbox_port = free_port(_SANDBOX_PORT)
        share = {name: value for name, value in _SHARE.items() if name not in os.environ}
        env = {**share, **dotenv, **worker_env(address, f"http://{HOST}:{sandbox_port}", real)}
        starting = asyncio.create_task(start_sandbox(running, _LOGS, port=sandbox_port))
        if found.get("REALTIME__PROVIDER") == "google" and not found.get("GOOGLE_API_KEY"):
            env |= await live_env("google", await starting)
        worker, sandbox_url, _ = await asyncio.gather(
            start_worker(running, _LOGS, env, port=_WORKER_PORT), starting, voice.start()
        )
        _step("sandbox", f"{sandbox_url} (stands in for {_stand_ins(real)})")
        _step("worker", f'registered as "{AGENT_NAME}", {time.monotonic() - started:.1f} s after the start')
        _say("\nSelf-test call:")
        outcome = await self_test(address, voice, worker.log, _step)
        _say(f"\n{'FAILED: ' + outcome.problem if outcome.problem else 'OK'}")
        if not once:
            _say(_invitation(address, await _open_page(running, address)))
            await asyncio.Event().wait()
        return 1 if outcome.problem else 0


def _own_providers(found: Mapping[str, str]) -> dict[str, str]:
    """Provider keys and addresses that the user set."""
    names = [f"{provider}_{what}" for provider in _PROVIDERS for what in ("API_KEY", "BASE_URL")]
    return {name: value for name in names if (value := found.get(name))}


def _stand_ins(real: dict[str, str]) -> str:
    missing = [p.capitalize() for p in _PROVIDERS if f"{p}_API_KEY" not in real and f"{p}_BASE_URL" not in real]
    return ", ".join(missing).replace("Openai", "OpenAI") or "nobody: all providers are your own"


async def _open_page(running: AsyncExitStack, address: Address) -> str:
    """Serve the page, if it can be; where it is, or what it needs."""
    if not files.installed():
        return f"none: it {files.MISSING}"
    page = await running.enter_async_context(Page(address, port=free_port(_PAGE_PORT)))
    return page.url


def _invitation(address: Address, page: str) -> str:
    token = (
        api.AccessToken(address.api_key, address.api_secret)
        .with_identity("you")
        .with_ttl(timedelta(hours=12))
        .with_grants(api.VideoGrants(room_join=True, room=_ROOM))
        .with_room_config(api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name=AGENT_NAME)]))
        .to_jwt()
    )
    return (
        f"\nEverything keeps running. Open the page, talk, and show things:\n  page     {page}\n\n"
        "Or join with any LiveKit client; the agent comes along:\n"
        f"  address  {address.url}\n  room     {_ROOM}\n  token    {token}\n\n"
        f"  or       .venv/bin/python -m sandbox call --help\n"
        f"  logs     {_LOGS.relative_to(ROOT)}/\n\nCtrl-C stops everything."
    )


def _step(label: str, text: str) -> None:
    _say(f"  {label:<15} {text}")


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
