#!/usr/bin/env bash
# `scripts/soak.sh [SECONDS]`: mixed traffic through two relays whose interfaces and processes come and
# go, 600 seconds unless said otherwise; at the end every counter adds up. Needs root.
# Ends with a line `N passed, N failed`: relays whose counters were right, and what was not.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
[ "$(id -u)" -eq 0 ] || die "the soak makes network namespaces: run it as root"
command -v ip >/dev/null || die "ip of iproute2 is missing: run scripts/install-test-tools.sh"
scripts/setup.sh
exec node --import @oxc-node/core/register __test__/support/soak/main.ts "$@"
