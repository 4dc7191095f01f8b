#!/usr/bin/env bash
# `scripts/test-packages.sh [TARGET...]`: builds and packs the packages (scripts/build-packages.sh), then tests them
# before and after installation. Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
scripts/build-packages.sh "$@"
export TUN2UDP_PACKAGES=$root/dist/packages
suite packages tap node_modules/.bin/ava --tap '__test__/packages/**/*.spec.ts'
summarise
