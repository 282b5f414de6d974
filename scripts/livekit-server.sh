#!/bin/sh
# Finds the LiveKit server, or builds it once into a cache outside the work tree.
# Usage: livekit-server.sh --find (prints its path, or fails) | --check (can it be had?) | --build
set -eu

version=1.13.5
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sighted/livekit-server-$version"

say() { printf 'setup: %s\n' "$*" >&2; }

find_server() {
  command -v livekit-server || { [ -x "$cache/server" ] && printf '%s\n' "$cache/server"; }
}

go_is_new_enough() {
  found=$(go env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//') || return 1
  major=${found%%.*}; rest=${found#*.}; minor=${rest%%.*}
  [ "${major:-0}" -gt 1 ] || [ "${minor:-0}" -ge 26 ]
}

case "${1:-}" in
  --find) find_server ;;
  --check)
    find_server > /dev/null || go_is_new_enough || {
      cat >&2 <<EOF
setup: no LiveKit server found, and no Go 1.26 or newer to build it with. One of these helps:
  Linux            curl -sSL https://get.livekit.io | bash
  macOS            brew install livekit
  any, by hand     put 'livekit-server' from github.com/livekit/livekit/releases on the PATH
  from source      install Go 1.26 or newer; then this script builds version $version by itself
EOF
      exit 1
    } ;;
  --build)
    say "LiveKit server $version: building with $(go version | cut -d' ' -f3), once, for about two minutes"
    mkdir -p "$cache"
    log="$cache/build.log"
    GOBIN="$cache/new" go install -v "github.com/livekit/livekit-server/cmd/server@v$version" 2> "$log" &
    build=$!
    trap 'kill "$build" 2>/dev/null || true; say "LiveKit server: build interrupted"; exit 1' INT TERM
    waited=0
    while kill -0 "$build" 2>/dev/null; do
      sleep 1
      waited=$((waited + 1))
      [ $((waited % 15)) -ne 0 ] || say "LiveKit server: $(grep -vc '^go: ' "$log" || true) packages compiled"
    done
    wait "$build" || { tail -n 20 "$log" >&2; say "go install failed; the whole log: $log"; exit 1; }
    # Moved into place when whole, so that an interrupted build is never taken for the server.
    mv "$cache/new/server" "$cache/server"
    rmdir "$cache/new"
    say "LiveKit server $version built" ;;
  *) sed -n '2,3p' "$0" >&2; exit 64 ;;
esac
