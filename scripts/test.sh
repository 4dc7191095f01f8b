#!/usr/bin/env bash
# `npm test`: sets up what is missing, then runs every test and counts.
# Ends with a line `N passed, N failed[, N skipped]`; each skipped test's reason stands above it.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
scripts/setup.sh

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Runs a suite, shows its output as it comes, and keeps it; a failing suite does not stop the next.
suite() {
  local name=$1 status=0
  shift
  say "== $name"
  "$@" 2>&1 | tee "$logs/$name" || status=$?
  printf '%s %s\n' "$name" "$status" >>"$logs/status"
}

suite rust cargo test --workspace --locked --quiet -- --show-output
suite node npx --no-install ava --tap "$@"

node scripts/summary.js "$logs"
