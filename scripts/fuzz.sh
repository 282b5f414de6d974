#!/bin/sh
# Fuzzes what reads hostile bytes, in a virtual environment of its own: Atheris is for this alone.
# Usage: make fuzz (ARGS="--help" tells what can be chosen)
set -eu
cd "$(dirname "$0")/.."

say() { printf 'fuzz: %s\n' "$*" >&2; }

wanted=$(cat requirements/fuzz.txt requirements/uv.txt | cksum)
if [ "$(cat .venv-fuzz/sighted-lock 2>/dev/null || true)" != "$wanted" ]; then
  say "virtual environment in .venv-fuzz"
  .venv-fuzz/bin/python --version > /dev/null 2>&1 || .venv/bin/python -m venv --clear .venv-fuzz
  .venv/bin/uv pip sync --quiet --python .venv-fuzz/bin/python --require-hashes requirements/fuzz.txt
  printf '%s' "$wanted" > .venv-fuzz/sighted-lock
fi
exec .venv-fuzz/bin/python -m fuzz "$@"
