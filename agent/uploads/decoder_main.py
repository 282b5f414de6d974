"""The decoder's process: reads one picture after the other from standard input, and answers on standard output.

Started by `agent.uploads.decoder` as `python -m agent.uploads.decoder_main TIMEOUT_S MEMORY_BYTES`. After its start it
can open no file and no socket and, unless it reads HEIC, start no process; one that takes too long or too much memory
ends itself.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from agent.errors import UploadError
from agent.uploads.decoder_wire import read, write
from agent.uploads.image import READ, clean
from agent.uploads.limits import Limits

_REQUEST_LIMIT = 2**30
"""Bytes; intake has limits of its own, far below."""
_NICE = 10
"""Calls come first, wherever there is not enough for both."""
_GRACE_S = 2
"""The worker ends a decoder that is late, and knows why; this one is for a worker that is there no more."""


def main(timeout_s: float, memory_bytes: int) -> None:
    """Answer until nobody asks any more."""
    _confine(memory_bytes)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    write(answers, {})  # ready
    while True:
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            header, data = read(requests, limit=_REQUEST_LIMIT)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, timeout_s + _GRACE_S)
        try:
            made = clean(data, Limits(**header))
        except UploadError as error:
            write(answers, {"code": error.code, "message": str(error)})
        else:
            write(answers, {"width": made.width, "height": made.height, "kind": made.kind}, [made.data])


def _confine(memory_bytes: int) -> None:
    """Give up every right that reading pictures does not need; the kernel holds it from here on."""
    os.nice(_NICE)
    with suppress(OSError):  # not Linux, or a container that does not let it
        # Where memory is short for all, it is this process that has to go, and no call.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if "HEIF" not in READ:  # its decoder works in a thread, which the kernel counts as a process
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if sys.platform == "linux":  # elsewhere the limit is not heeded, and its present size not told
        limit = _virtual_bytes() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # No number is left for another file or socket, not even that of a standard stream that was closed.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _virtual_bytes() -> int:
    """What this process has mapped by now (proc(5), `statm`: pages)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
