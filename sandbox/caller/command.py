"""The command `python -m sandbox call`: a call as a list of steps, told as it happens."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

from livekit import api, rtc

from sandbox.caller.caller import Caller
from sandbox.caller.errors import CallError
from sandbox.caller.scenes import FORMS
from sandbox.caller.steps import Steps
from sandbox.stack import API_KEY, API_SECRET
from sandbox.tts.voice import Voice, VoiceError

DEV_URL = "ws://127.0.0.1:7880"


class _Append(argparse.Action):
    """Collects the steps in the order given, whatever their kind."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature is argparse's
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002 - the signature is argparse's
    ) -> None:
        namespace.steps = [*namespace.steps, (self.dest, values)]


def parser() -> argparse.ArgumentParser:
    """Describe the command line; `steps` of what it parses holds pairs of a name and a value."""
    result = argparse.ArgumentParser(prog="python -m sandbox call", description=__doc__)
    result.set_defaults(steps=[])
    option = result.add_argument
    option("--url", default=os.environ.get("LIVEKIT_URL", DEV_URL), help=f"LIVEKIT_URL, else {DEV_URL}")
    option("--key", default=os.environ.get("LIVEKIT_API_KEY", API_KEY), help=f"LIVEKIT_API_KEY, else {API_KEY}")
    option(
        "--secret",
        default=os.environ.get("LIVEKIT_API_SECRET", API_SECRET),
        help="LIVEKIT_API_SECRET, else the sandbox's",
    )
    option("--room", default="demo")
    option("--identity", default="caller")
    option("--agent", default="sighted", help="dispatched by this name; empty: comes by itself")
    option("--metadata", default="", help="JSON for the dispatch")
    option("--timeout", type=float, default=30.0, metavar="SECONDS", help="for the agent, and for each answer")
    option("--dynacast", action="store_true", help="stop encoding what nobody looks at, as browsers can")
    steps = result.add_argument_group("steps, carried out in the order given")

    def step(name: str, metavar: str | None, text: str, **more: Any) -> None:
        steps.add_argument(f"--{name}", action=_Append, metavar=metavar, help=text, **more)

    step("camera", "SCENE", f"show {FORMS}; again: the same track shows another")
    step("screen", "SCENE", "the same on a shared screen")
    step("greeting", None, "wait for the agent's first words", nargs=0)
    step("say", "TEXT", "speak, and wait for the answer")
    step("type", "TEXT", "send a chat message, and wait for the answer")
    step("upload", ("PATH", "CAPTION"), "send a picture; with a caption, wait for an answer to it", nargs="+")  # type: ignore[arg-type]  # argparse takes a tuple here
    step("expect", "TEXT", "the last answer has this text in it, in any case")
    step("rpc", "METHOD", "call a method of the agent: start_turn, end_turn, cancel_turn")
    for name in ("mute", "unmute", "unpublish"):
        step(name, None, "a source", choices=("microphone", "camera", "screen"))
    for name in ("freeze", "thaw"):
        step(name, None, "stop a source's frames without any event, or go on", choices=("camera", "screen"))
    step("wait", "SECONDS", "do nothing", type=float)
    step("until-left", None, "wait until the agent has left", nargs=0)
    return result


def main(argv: Sequence[str]) -> int:
    """Place a call. Gives 0 if all went as told, else 1."""
    options = parser().parse_args(argv)
    return asyncio.run(_place(options))


async def _place(options: argparse.Namespace) -> int:
    voice = Voice()
    try:
        if any(name == "say" for name, _ in options.steps):
            await voice.start()
        async with Caller(
            options.url,
            options.key,
            options.secret,
            options.room,
            options.identity,
            voice=voice,
            dynacast=options.dynacast,
        ) as caller:
            steps = Steps(caller, options.timeout, say)
            caller.journal.on_event(steps.tell)
            await caller.call(options.agent, options.metadata, options.timeout)
            for name, value in options.steps:
                await steps.carry_out(name, value)
    except (CallError, VoiceError, ValueError, TimeoutError, rtc.ConnectError, rtc.RpcError, api.TwirpError) as error:
        say(f"failed    {str(error) or type(error).__name__}")
        return 1
    finally:
        await voice.aclose()
    return 0


def say(line: str) -> None:
    """Print a line of the story at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
