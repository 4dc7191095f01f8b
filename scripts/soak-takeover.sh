#!/usr/bin/env bash
# `scripts/soak-takeover.sh [NUMBER]`: that many take-overs of a relay under traffic, 100 by default; in half of them one of
# both processes is killed at a random moment. `SEED=N` repeats a run. Needs root.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
needs_namespaces
scripts/setup.sh
TAKEOVERS=${1:-100} exec npx ava __test__/netns/program/takeover.spec.ts --match 'take-overs under traffic*'
