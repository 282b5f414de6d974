"""The command line: `python -m agent start`. Everything else is set by environment variables."""

import argparse
import asyncio
import sys

import structlog

from agent.errors import StartError
from agent.ops.log import configure_parent
from config.problems import ConfigError
from config.settings import load_settings

EXIT_OK = 0
EXIT_UNAVAILABLE = 69
EXIT_FAILED = 70
EXIT_CONFIG = 78

log = structlog.stdlib.get_logger("agent")


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit code of `sysexits.h` that tells how it ended."""
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="run the worker in the foreground")
    parser.parse_args(arguments)
    try:
        settings = load_settings()
    except ConfigError as error:
        sys.stderr.write("The configuration has problems:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return EXIT_CONFIG
    configure_parent(settings.log)
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
