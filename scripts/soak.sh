#!/usr/bin/env bash
# `scripts/soak.sh [SECONDS]`: mixed traffic through two relays whose interfaces and processes
# come and go, for 600 seconds by default; at the end the counters must add up. Needs root.
# Ends with a line `N passed, N failed`: relays with correct counters, and failures.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
needs_namespaces
scripts/setup.sh
exec node --import @oxc-node/core/register __test__/support/soak/main.ts "$@"
