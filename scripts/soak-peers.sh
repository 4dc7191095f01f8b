#!/usr/bin/env bash
# `scripts/soak-peers.sh [SECONDS]`: a relay with 50 peers that are added, changed and removed under traffic, for 600
# seconds by default; at the end the counters of each peer and of the relay must add up, and the process must not have
# grown. Needs root. Ends with a line `N passed, N failed`: comparisons of counters, and failures.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
needs_namespaces
scripts/setup.sh
exec node --import @oxc-node/core/register __test__/support/soak/peersMain.ts "$@"
