#!/usr/bin/env bash
# `scripts/soak-workers.sh [SECONDS] [--sanitize]`: terminates workers at random moments of every
# asynchronous call of the package, for SECONDS in total (600 by default). With --sanitize the addon is
# built for AddressSanitizer, which finds memory that is used after it was freed. Needs root.
# TUN2UDP_SEED repeats a run. Ends with a line `N passed, N failed`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
needs_namespaces

seconds=600 sanitize=
for argument in "$@"; do
  case $argument in
    --sanitize) sanitize=1 ;;
    *[!0-9]* | '') die "Invalid SECONDS \"$argument\": expected a whole number" ;;
    *) seconds=$argument ;;
  esac
done
scripts/setup.sh

# Node is not built with a sanitizer, so gcc's library of the sanitizer is loaded before Node.
build_sanitized() {
  local library target
  library=$(gcc -print-file-name=libasan.so)
  [ -e "$library" ] || die "gcc has no libasan.so: install the gcc package of your distribution (Debian: libgcc-12-dev)"
  target=$(rustc -vV | sed -n 's/^host: //p')
  # The stable compiler has sanitizers behind an unstable option.
  RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=1 \
    cargo build --package tun2udp --release --locked --target "$target" --target-dir target/sanitized >&2
  cp "target/sanitized/$target/release/libtun2udp.so" target/sanitized/tun2udp.node
  export TUN2UDP_WORKERS_LD_PRELOAD=$library TUN2UDP_WORKERS_ASAN_OPTIONS=detect_leaks=0
  export TUN2UDP_WORKERS_NAPI_RS_NATIVE_LIBRARY_PATH=$root/target/sanitized/tun2udp.node
}
if [ -n "$sanitize" ]; then build_sanitized; fi

# Three tests, which run one after another.
export TUN2UDP_WORKERS_SECONDS=$((seconds / 3))
suite workers tap node_modules/.bin/ava --tap --serial --timeout=1h __test__/netns/workers.spec.ts
summarise
