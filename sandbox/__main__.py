"""The command line of the sandbox: `python -m sandbox serve|call|page|demo`."""

import importlib
import logging
import os
import sys
from typing import NoReturn

COMMANDS = {
    "serve": ("sandbox.server", "the provider stand-ins, on loopback"),
    "call": ("sandbox.caller.command", "a scripted caller: speak, show, type, upload"),
    "page": ("sandbox.page.server", "the page, for a LiveKit server that runs"),
    "demo": ("sandbox.demo", "server, stand-ins, worker and a self-test call"),
}


def main(arguments: list[str]) -> int:
    """Run one command; each has a `--help` of its own."""
    if arguments and arguments[0] in COMMANDS:
        # Imported when asked for: each command loads packages that the others do without.
        code: int = importlib.import_module(COMMANDS[arguments[0]][0]).main(arguments[1:])
        return code
    usage = "\n".join(f"  {name:<6} {purpose}" for name, (_, purpose) in COMMANDS.items())
    print(f"usage: python -m sandbox COMMAND [--help]\n\n{usage}", file=sys.stderr)  # noqa: T201 - a command line
    return 0 if arguments[:1] in (["-h"], ["--help"]) else 64


def end(code: int) -> NoReturn:
    """End this process at once, with all that was written."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # LiveKit's SDK ends its threads when the interpreter exits, and one still at work then aborts the process.
    os._exit(code)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
