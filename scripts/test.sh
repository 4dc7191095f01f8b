#!/usr/bin/env bash
# `npm test [-- AVA ARGUMENTS]`: sets up what is missing, then runs every test and counts.
# Ends with a line `N passed, N failed[, N skipped]`; each skipped test's reason stands above it.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
scripts/setup.sh

# A skipped Rust test passes after it has printed `SKIP name: reason`: hence --show-output.
suite rust cargo cargo test --workspace --locked --no-fail-fast -- --show-output
suite node tap node_modules/.bin/ava --tap "$@"
summarise
