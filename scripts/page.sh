#!/bin/sh
# Installs what the demo's page loads in the browser: livekit-client, from npm, by the lock file's hashes.
# Usage: scripts/page.sh          install, where it is not there yet; says so and goes on where there is no npm
#        scripts/page.sh --lock   renew the lock file after a change of sandbox/page/package.json
set -eu
cd "$(dirname "$0")/../sandbox/page"

if [ "${1:-}" = --lock ]; then
  npm install --package-lock-only --no-audit --no-fund --loglevel=error
  # npm notes where to give money; a lock file of ours holds no addresses at all.
  node -e '
    const fs = require("fs"), lock = JSON.parse(fs.readFileSync("package-lock.json"))
    for (const one of Object.values(lock.packages)) delete one.funding
    fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n")'
  exit
fi

wanted=$(cat package.json package-lock.json | cksum)
[ "$(cat node_modules/.sighted-lock 2>/dev/null || true)" != "$wanted" ] || exit 0
if ! command -v npm > /dev/null; then
  echo "setup: no npm found, so the demo has no page; everything else works. Install Node.js 18 or newer for it." >&2
  exit 0
fi
# One package says that it wants a newer Node.js; it only ever runs in the browser.
if npm ci --no-audit --no-fund --loglevel=error > /dev/null; then
  printf '%s' "$wanted" > node_modules/.sighted-lock
  echo "setup: the page's packages are installed" >&2
else
  echo "setup: npm could not install the page's packages, see above; everything but the page works" >&2
fi
