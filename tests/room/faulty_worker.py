"""`python -m tests.room.faulty_worker start`: the worker as it is, whose job processes can be made to fail.

SIGUSR2 has one leak half a gigabyte, SIGHUP blocks its event loop for ever. While the file named by `NO_START` exists,
none can start.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

MEGABYTES = 500

_leaked: list[bytes] = []


def _leak(*_: object) -> None:
    _leaked.append(b"\1" * (MEGABYTES * 1_000_000))


def _hang(*_: object) -> None:
    while True:
        time.sleep(60)


# Here, since job processes import this module too, under a name of its own.
if __name__ == "__mp_main__" and Path(os.environ.get("NO_START", "/nowhere")).exists():
    sys.exit("cannot start")
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGUSR2, _leak)
    signal.signal(signal.SIGHUP, _hang)

if __name__ == "__main__":
    from agent.cli import main

    sys.exit(main(sys.argv[1:]))
