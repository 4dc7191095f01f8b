#!/usr/bin/env bash
# `npm test [-- AVA ARGUMENTS]`: sets up the clone, then runs and counts every test.
# Ends with a line `N passed, N failed[, N skipped]`; the reasons of skipped tests are above it.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
scripts/setup.sh

# A skipped Rust test prints `SKIP name: reason` and passes: hence --show-output.
suite rust cargo cargo test --workspace --locked --no-fail-fast -- --show-output
suite node tap node_modules/.bin/ava --tap "$@"
summarise
