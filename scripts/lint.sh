#!/usr/bin/env bash
# `npm run lint`: all checks of the sources that need no test run.
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
    git ls-files -co --exclude-standard -- 'scripts/*.sh' 'completions/*.bash' '.ci/run' |
      xargs shellcheck --external-sources dist/completions/tun2udp.bash
  elif [ -n "${CI:-}" ]; then
    say "shellcheck is missing: run scripts/install-test-tools.sh"
    return 1
  else
    say "SKIP shellcheck: it is not installed (scripts/install-test-tools.sh)"
  fi
}

# Checks the fuzz targets, which are not part of the workspace.
fuzz_targets() {
  local manifest=crate/core/fuzz/Cargo.toml
  cargo fmt --manifest-path "$manifest" --check || return 1
  if command -v c++ >/dev/null; then
    cargo clippy --manifest-path "$manifest" --target-dir target/fuzz --all-targets --locked --quiet \
      -- -D warnings
  elif [ -n "${CI:-}" ]; then
    say "a C++ compiler is missing: run scripts/install-test-tools.sh"
    return 1
  else
    say "SKIP clippy of the fuzzer's targets: needs a C++ compiler (scripts/install-test-tools.sh)"
  fi
}

go_format() {
  if command -v gofmt >/dev/null; then
    [ -z "$(gofmt -l bench/native | tee /dev/stderr)" ]
  else
    say "SKIP gofmt: Go is not installed"
  fi
}

workflows() {
  if command -v go >/dev/null; then
    # Go keeps the built program in its cache.
    go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  else
    say "SKIP actionlint: Go, which builds it, is not installed"
  fi
}

check "rustfmt" cargo fmt --all --check
check "rustfmt of a peer" cargo fmt --manifest-path bench/native/tun-rs/Cargo.toml --check
check "gofmt" go_format
check "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
check "fuzz targets" fuzz_targets
check "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
check "prettier" npx --no-install prettier --check --log-level warn .
check "tsc" npx --no-install tsc --project tsconfig.json
check "eslint" npx --no-install eslint --max-warnings 0 .
check "shellcheck" shell_scripts
check "prose" scripts/prose.sh
check "workflows" workflows
check "licences of crates" node scripts/third-party.js --check
check "generated files" scripts/generate.sh --check
check "tree" node scripts/check-tree.js
[ "$failures" -eq 0 ] || die "lint: $failures of the checks failed"
say "lint: all checks passed"
