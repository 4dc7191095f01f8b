#!/usr/bin/env bash
# `scripts/fuzz.sh [SECONDS]`: runs each target of crate/core/fuzz under libFuzzer, for SECONDS in
# total (30 by default), from the committed corpus and the findings of earlier runs on this machine.
# TUN2UDP_SEED is the seed of each run. Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"

readonly targets=(split inbound steer clamp icmp fragment filter pcapng)
readonly seconds=${1:-30}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "Invalid SECONDS \"$seconds\": expected a whole number above 0"

if ! command -v c++ >/dev/null; then
  for target in "${targets[@]}"; do
    printf 'SKIP fuzz %s: needs a C++ compiler for libFuzzer (scripts/install-test-tools.sh)\n' "$target"
  done
  printf '0 passed, 0 failed, %d skipped\n' "${#targets[@]}"
  exit 0
fi

# The options that cargo-fuzz passes without a sanitizer, which the stable compiler supports. The target is named so
# that build scripts are built without them.
triple=$(rustc -vV | sed -n 's/^host: //p')
readonly built=target/fuzz/$triple/release
coverage='--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module'
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
  coverage+=" -Cllvm-args=-sanitizer-coverage-$argument"
done
RUSTFLAGS=$coverage cargo build --quiet --release --locked --target "$triple" \
  --target-dir target/fuzz --manifest-path crate/core/fuzz/Cargo.toml >&2

passed=0 failures=()
for target in "${targets[@]}"; do
  found=target/fuzz/found/$target
  artifacts=target/fuzz/artifacts/$target
  mkdir -p "$found" "$artifacts"
  say "== fuzz $target"
  arguments=(-max_total_time="$(((seconds + ${#targets[@]} - 1) / ${#targets[@]}))" -max_len=4096
    -timeout=10 -print_final_stats=1 -verbosity=1 -artifact_prefix="$artifacts/")
  [ -z "${TUN2UDP_SEED-}" ] || arguments+=(-seed="$TUN2UDP_SEED")
  if "$built/$target" "${arguments[@]}" "$found" "crate/core/fuzz/corpus/$target" 2>&1 |
    grep -Ev '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)|^WARNING: Failed to find function|# Uses:' >&2; then
    passed=$((passed + 1))
  else
    failures+=("FAIL fuzz $target: repeat it by \"$built/$target FILE\" with the file that is named above, in $artifacts")
  fi
done
[ "${#failures[@]}" -eq 0 ] || printf '%s\n' "${failures[@]}"
printf '%d passed, %d failed\n' "$passed" "${#failures[@]}"
[ "${#failures[@]}" -eq 0 ]
