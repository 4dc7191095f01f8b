#!/usr/bin/env bash
# `npm run generate`: writes the files generated from the tables of options and counters: declarations and
# tables of the documents. `--check` only compares them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
# TypeScript is not compiled here: it may not compile until the declarations are written.
scripts/setup.sh --addon
exec node --import @oxc-node/core/register scripts/generate/main.ts "$@"
