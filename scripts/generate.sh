#!/usr/bin/env bash
# `npm run generate`: writes the files that are made of the tables of options and counters: declarations,
# tables of the documents. `--check` only compares them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
# Without TypeScript: it may not compile until the declarations are written.
scripts/setup.sh --addon
exec node --import @oxc-node/core/register scripts/generate/main.ts "$@"
