#!/usr/bin/env bash
# `npm run lint`: everything that must hold of the sources and needs no test run.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
scripts/setup.sh

failures=0
check() {
  local name=$1
  shift
  say "-- $name"
  "$@" >&2 || {
    say "lint: $name failed"
    failures=$((failures + 1))
  }
}

shell_scripts() {
  if command -v shellcheck >/dev/null; then
    git ls-files -co --exclude-standard -- 'scripts/*.sh' 'completions/*.bash' '.ci/run' | xargs shellcheck --external-sources
  elif [ -n "${CI:-}" ]; then
    say "shellcheck is missing: run scripts/install-test-tools.sh"
    return 1
  else
    say "shellcheck is not installed: shell scripts were not checked"
  fi
}

check "rustfmt" cargo fmt --all --check
check "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
check "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
check "prettier" npx --no-install prettier --check --log-level warn .
check "tsc" npx --no-install tsc --project tsconfig.json
check "eslint" npx --no-install eslint --max-warnings 0 .
check "shellcheck" shell_scripts
check "tree" node scripts/check-tree.js
[ "$failures" -eq 0 ] || die "lint: $failures of the checks failed"
say "lint: all checks passed"
