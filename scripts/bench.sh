#!/usr/bin/env bash
# `npm run bench [-- OPTIONS]`: compares the relay with its peers (bench/README.md). Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh"
exec node --import @oxc-node/core/register "$here/../bench/bench.ts" "$@"
