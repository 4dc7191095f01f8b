#!/usr/bin/env bash
# Tries the built package on Node 20, 22 and 24, from the registry's `node` packages.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
scripts/setup.sh

# Kept between runs, outside the tree: each is about 100 MB.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp/node
for version in 20 22 24; do
  node=$cache/$version/node_modules/node/bin/node
  if [ ! -x "$node" ]; then
    say "tun2udp: fetching Node $version"
    mkdir -p "$cache/$version"
    npm install --no-audit --no-fund --no-save --loglevel=error --prefix "$cache/$version" "node@$version" >&2
  fi
  if [ "$(id -u)" -eq 0 ]; then
    unshare --net -- "$node" scripts/smoke.js
  else
    "$node" scripts/smoke.js
  fi
done
