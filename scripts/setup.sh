#!/bin/sh
# Sets up everything that `make demo` and `make test` need; quick when it is there already.
# Usage: make setup
set -eu
cd "$(dirname "$0")/.."

say() { printf '\033[2m%s\033[0m\n' "setup: $*" >&2; }
[ -t 2 ] || say() { printf 'setup: %s\n' "$*" >&2; }

find_python() {
  for candidate in ${PYTHON:-} python3.12 python3.11 python3 python; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
    then printf '%s' "$candidate"; return
    fi
  done
  cat >&2 <<EOF
setup: no suitable Python found. Sighted needs Python 3.11 or 3.12 with its venv module:
  Debian, Ubuntu   apt install python3 python3-venv
  Fedora           dnf install python3.12
  macOS            brew install python@3.12
  anything         uv python install 3.12, then make PYTHON=<its path> ...
EOF
  exit 1
}

wanted=$(cat requirements/all.txt requirements/uv.txt | cksum)
stale=$([ "$(cat .venv/sighted-lock 2>/dev/null || true)" = "$wanted" ] || echo yes)
[ -z "$stale" ] || python=$(find_python)

# The LiveKit server builds beside the downloads: together they take as long as the slower of the two.
server=$(scripts/livekit-server.sh --find || true)
builder=
if [ -z "$server" ]; then
  scripts/livekit-server.sh --check
  scripts/livekit-server.sh --build &
  builder=$!
  trap 'kill "$builder" 2>/dev/null || true' EXIT
  trap 'exit 130' INT TERM
fi

if [ -n "$stale" ]; then
  say "virtual environment in .venv ($("$python" --version))"
  # Made anew where an earlier run was interrupted half-way.
  .venv/bin/python -m pip --version > /dev/null 2>&1 || "$python" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
  say "packages: $(grep -c '^[a-zA-Z]' requirements/all.txt) pinned and hash-checked, about 300 MB to download once"
  .venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/all.txt requirements/uv.txt
  printf '%s' "$wanted" > .venv/sighted-lock
  say "packages installed"
fi

[ -z "$builder" ] || wait "$builder" || { say "the LiveKit server could not be built, see above"; exit 1; }

scripts/page.sh
