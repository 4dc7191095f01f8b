#!/usr/bin/env bash
# Tests the built package with the oldest supported Node and with the newest 20, 22 and 24, from the
# registry's `node` packages: import, require, the program, a relay, all tests that do not need root, and
# workers that are terminated at random moments.
# Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
# shellcheck source=scripts/nodes.sh
source "$(dirname "$0")/nodes.sh"
cd "$root"
scripts/setup.sh

# A relay of its own needs an empty network namespace, which needs root.
isolated=()
if [ "$(id -u)" -eq 0 ]; then isolated=(unshare --net --); fi

for version in 20.19.0 20 22 24; do
  node=$(node_of "$version")
  suite "node-$version-smoke" tap "${isolated[@]}" "$node" scripts/smoke.js
  suite "node-$version-tests" tap "$node" node_modules/ava/entrypoints/cli.mjs --tap \
    '__test__/lib/**/*.spec.ts' '__test__/bin/**/*.spec.ts' __test__/netns/workers.spec.ts
done
summarise
