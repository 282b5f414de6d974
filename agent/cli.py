"""The command line: `start` and `doctor`. Everything else is set by environment variables."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

import structlog

from agent.errors import StartError
from agent.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_UNAVAILABLE
from agent.ops.log import configure_parent
from config.problems import ConfigError
from config.settings import Settings, load_settings

log = structlog.stdlib.get_logger("agent")


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit code of `sysexits.h` that tells how it ended."""
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="run the worker in the foreground")
    doctor = commands.add_parser(
        "doctor", help="check the settings, the server and every provider, and tell what is wrong"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object in place of a table")
    options = parser.parse_args(arguments)
    if options.command == "doctor":
        return _examine(as_json=options.json)
    return _start()


def _start() -> int:
    try:
        settings = load_settings()
    except ConfigError as error:
        return _refuse(error.problems)
    configure_parent(settings.log)
    if problems := [*_unusable_images(settings), *_unusable_tools(settings)]:
        return _refuse(problems)
    from agent.worker import serve  # noqa: PLC0415 - seconds of imports: a configuration error need not wait for them

    try:
        asyncio.run(serve(settings))
    except StartError as error:
        log.error("not_started", reason=str(error))  # noqa: TRY400 - the reason says it all
        return EXIT_UNAVAILABLE
    except Exception:
        log.exception("failed")
        return EXIT_FAILED
    return EXIT_OK


def _examine(*, as_json: bool) -> int:
    # An examination that was broken off has found nothing: it must not end as if all were well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    from agent.ops.doctor import examine  # noqa: PLC0415 - not needed to start
    from agent.ops.finding import exit_code, render_json, render_table  # noqa: PLC0415 - the same

    findings = examine()
    sys.stdout.write(f"{render_json(findings) if as_json else render_table(findings)}\n")
    return exit_code(findings)


def _unusable_images(settings: Settings) -> list[str]:
    """What is wrong with the pictures that every call is to begin with; those elsewhere are fetched later."""
    if not settings.agent.images:
        return []
    from agent.background import load_background  # noqa: PLC0415 - readers of pictures, which few workers need here

    return [f"AGENT__IMAGES: {problem}" for problem in asyncio.run(load_background(settings, local=True)).problems]


def _unusable_tools(settings: Settings) -> list[str]:
    """What is wrong with the operator's own tools."""
    if not settings.agent.tools:
        return []
    from agent.errors import ToolsError  # noqa: PLC0415 - with the next
    from agent.toolbox import load_tools  # noqa: PLC0415 - the framework, which a configuration error need not wait for

    try:
        load_tools(settings.agent.tools)
    except ToolsError as error:
        return [f"AGENT__TOOLS: {error}"]
    return []


def _refuse(problems: Sequence[str]) -> int:
    sys.stderr.write("The configuration has problems:\n")
    sys.stderr.writelines(f"  {problem}\n" for problem in problems)
    return EXIT_CONFIG
