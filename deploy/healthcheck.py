#!/usr/bin/env python3
"""Asks a health endpoint of this container: exit code 0 if it answers 200, else 1.

Usage: `healthcheck.py PATH [PORT]`; the port is the worker's by default. The standard library alone, so that asking
every few seconds costs next to nothing, and never through a proxy that the environment names.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4.0


def healthy(path: str, port: int) -> bool:
    """Whether a GET is answered with 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"127.0.0.1:{port}{path}: {error}\n")
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    port = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("WORKER__HTTP_PORT") or "8081"
    sys.exit(0 if healthy(sys.argv[1], int(port)) else 1)
