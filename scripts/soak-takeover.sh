#!/usr/bin/env bash
# `scripts/soak-takeover.sh [NUMBER]`: that many take-overs of a relay under traffic, 100 by default; in half of them one of
# both processes is killed at a random moment. Needs root and ping. TUN2UDP_SEED repeats a run.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
readonly number=${1:-100}
[[ $number =~ ^[1-9][0-9]*$ ]] || die "Invalid NUMBER \"$number\": expected a whole number above 0"
needs_namespaces
command -v ping >/dev/null || die "ping of iputils is missing: run scripts/install-test-tools.sh"
scripts/setup.sh
export TUN2UDP_TAKEOVERS=$number
exec node_modules/.bin/ava __test__/netns/program/takeover.spec.ts --match 'take-overs under traffic*'
