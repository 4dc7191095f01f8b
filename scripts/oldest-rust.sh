#!/usr/bin/env bash
# Checks that the crates compile with the oldest Rust that Cargo.toml names (rust-version), which rustup installs.
# Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

# Reports in the Test Anything Protocol.
check() {
  local title="Rust $oldest compiles the crates" status=0
  printf 'TAP version 13\n1..1\n'
  if ! cargo "+$oldest" --version && ! rustup toolchain install "$oldest" --profile minimal; then
    printf 'ok 1 - %s # SKIP rustup could not install it\n' "$title"
    return
  fi
  cargo "+$oldest" check --workspace --locked --target-dir target/oldest-rust || status=$?
  if [ "$status" -eq 0 ]; then printf 'ok 1 - %s\n' "$title"; else printf 'not ok 1 - %s\n' "$title"; fi
  return "$status"
}

suite oldest-rust tap check
summarise
