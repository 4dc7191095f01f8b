#!/usr/bin/env bash
# `npm run demo [-- SECONDS]`: two namespaces, two relays, a ping and a bulk transfer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh"
exec node --import @oxc-node/core/register "$here/../examples/demo/demo.ts" "$@"
