#!/usr/bin/env bash
# Installs the oldest TypeScript that the declarations are for, and the oldest with `skipLibCheck`, into the
# cache. __test__/types/consumer.spec.ts uses them, and docs/typescript.md names them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

for version in 5.2 5.6; do
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp/typescript/$version
  [ ! -f "$folder/node_modules/typescript/lib/tsc.js" ] || continue
  say "tun2udp: fetching TypeScript $version"
  mkdir -p "$folder"
  npm install --no-audit --no-fund --no-save --loglevel=error --prefix "$folder" "typescript@~$version.0" >&2 ||
    die "npm could not install typescript@~$version.0, for the reason above"
done
