"""`python -m bench.ours start`: the worker as it is, its event loop timed. See `bench.stalls`."""

import os
import sys

from bench import stalls

if os.environ.get(stalls.SWITCH):
    stalls.install()  # here, since job processes import this module too

if __name__ == "__main__":
    from agent.cli import main

    sys.exit(main(sys.argv[1:]))
