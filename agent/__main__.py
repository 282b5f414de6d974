"""`python -m agent`: see `agent.cli`."""

import signal
import sys

if __name__ == "__main__":
    # First of all, and until `serve` takes the signals: the imports take a second, and process 1 of a container would
    # never see a signal that nothing handles.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from agent.cli import main

    sys.exit(main(sys.argv[1:]))
