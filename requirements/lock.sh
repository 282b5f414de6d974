#!/bin/sh
# Renew the lock files after a change of pyproject.toml: hashes for every platform, no addresses.
# Usage: make lock
set -eu
cd "$(dirname "$0")/.."
lock() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header --override requirements/overrides.txt "$@"
}
lock requirements/uv.in -o requirements/uv.txt
lock pyproject.toml -o requirements/production.txt
lock pyproject.toml --extra sandbox -c requirements/production.txt -o requirements/sandbox.txt
lock pyproject.toml --extra heif -c requirements/production.txt -o requirements/heif.txt
lock pyproject.toml --extra google -c requirements/production.txt -o requirements/google.txt
lock pyproject.toml --extra sandbox --extra heif --extra google --extra dev -c requirements/sandbox.txt \
  -c requirements/google.txt -o requirements/all.txt
lock pyproject.toml --extra sandbox --extra heif --extra google --extra dev --extra fuzz -c requirements/all.txt \
  -o requirements/fuzz.txt
