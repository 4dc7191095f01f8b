#!/usr/bin/env bash
# Tests the packages that scripts/build-packages.sh built for other platforms, on Linux x64: those for arm64 with
# QEMU user-mode emulation, those for musl with musl's loader, installed from their
# tarballs, in Node 20, 22 and 24; and the tests of the core for arm64. Parts that are not available are skipped with
# the reason. Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
# shellcheck source=scripts/foreign.sh
source "$(dirname "$0")/foreign.sh"
cd "$root"
export PATH=$cache/bin:$PATH

readonly arm64=aarch64-unknown-linux-gnu
packages=$(realpath "${TUN2UDP_PACKAGES:-dist/packages}")
projects=$(mktemp -d)
trap 'rm -rf "$logs" "$projects"' EXIT

# install PLATFORM: installs the tarballs into a project of their own. If npm fails, it fails without a reason: this
# skips no test.
install() {
  local project=$projects/$1 tarballs cpu libc=glibc
  [ ! -d "$project/node_modules" ] || return 0
  tarballs=("$packages"/tun2udp-[0-9]*.tgz "$packages/tun2udp-$1"-*.tgz)
  [ -f "${tarballs[1]}" ] || { printf 'its package was not built\n' && return 1; }
  cpu=${1#linux-}
  [[ $1 != *-musl ]] || libc=musl
  mkdir -p "$project"
  printf '{"private":true}\n' >"$project/package.json"
  npm install --prefix "$project" --ignore-scripts --no-audit --no-fund --loglevel=error --force \
    --os linux --cpu "${cpu%-*}" --libc "$libc" "${tarballs[@]}" >&2 || return
  cp scripts/device-smoke.js "$project/smoke.mjs"
}

# Prints the reason why the test cannot run, if there is one.
obstacle() {
  if [ "$(uname -m)" != x86_64 ]; then echo 'it is for machines of x64'
  elif [ "$(id -u)" -ne 0 ]; then echo 'a device needs root'
  elif [ ! -c /dev/net/tun ]; then echo 'it needs /dev/net/tun'
  elif [ "$1 $2" = 'linux-x64-musl 20' ]; then echo 'of musl, PyPI has no Node 20 that is new enough (20.19)'
  elif [ "$1 $2" = 'linux-arm64-musl 20' ]; then echo 'of musl, PyPI has no Node 20'
  else install "$1" && prepare_node "$1" "$2"; fi
}

# smoke PLATFORM MAJOR: one test in the Test Anything Protocol.
smoke() {
  local title="$1, Node $2: a device is addressed, written and read" reason='' output command status=0
  printf 'TAP version 13\n1..1\n'
  reason=$(obstacle "$1" "$2") || status=$?
  if [ -n "$reason" ]; then
    printf 'ok 1 - %s # SKIP %s\n' "$title" "$reason"
    return
  elif [ "$status" -ne 0 ]; then
    printf 'not ok 1 - %s: it could not be installed\n' "$title"
    return "$status"
  fi
  mapfile -t command < <(node_command "$1" "$2")
  output=$(timeout 120 unshare --net -- "${command[@]}" "$projects/$1/smoke.mjs" 2>&1) || status=$?
  if [ "$status" -eq 0 ]; then printf 'ok 1 - %s\n' "$title"; else printf 'not ok 1 - %s: status %s\n' "$title" "$status"; fi
  printf '%s\n' "$output" | sed 's/^/# /'
  return "$status"
}

# core ARGUMENT...: runs tests of the core, built with zig for arm64, under qemu.
core() {
  local environment=("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=${arm64_gnu[*]}")
  has_std "$arm64" || environment+=("RUSTC=$debian_rustc")
  env "${environment[@]}" cargo-zigbuild test --package tun2udp-core --locked --no-fail-fast \
    --target "$arm64.$glibc_floor" --target-dir target/packages "$@"
}

# Unit tests that qemu cannot run (as of 10.0): skipped only for these errors. It does not support the socket option
# SO_ATTACH_REUSEPORT_CBPF, and it does not report control messages that were cut. The tests of transparency need options
# of packet sockets that it does not support either.
beyond_qemu() {
  local test output number=0 status=0
  printf 'TAP version 13\n1..%s\n' "$(($# + 1))"
  for test in "$@"; do
    number=$((number + 1))
    if output=$(core --lib -- --exact "$test" 2>&1) && grep -q '^test result: ok. 1 passed' <<<"$output"; then
      printf 'ok %s - %s\n' "$number" "$test"
    elif grep -q 'Protocol not available' <<<"$output"; then
      printf 'ok %s - %s # SKIP qemu does not know SO_ATTACH_REUSEPORT_CBPF\n' "$number" "$test"
    elif [ "$test" = "$truncated" ] && grep -q 'unwrap_err().* on an .Ok. value' <<<"$output"; then
      printf 'ok %s - %s # SKIP qemu does not report control messages that were cut\n' "$number" "$test"
    else
      printf 'not ok %s - %s\n' "$number" "$test"
      printf '%s\n' "$output" | sed 's/^/# /'
      status=1
    fi
  done
  printf 'ok %s - transparency on arm64 # SKIP qemu does not know the options of packet sockets\n' "$((number + 1))"
  return "$status"
}

# Prints the reason why the core cannot be tested, if there is one.
core_obstacle() {
  if [ "$(uname -m)" != x86_64 ]; then echo 'it is for machines of x64'
  elif ! scripts/install-package-tools.sh "$arm64" >&2; then echo 'the compiler for arm64 could not be installed'
  else fetch_qemu && fetch_arm64_gnu; fi
}

for platform in linux-arm64-gnu linux-x64-musl linux-arm64-musl; do
  for major in 20 22 24; do suite "$platform-$major" tap smoke "$platform" "$major"; done
done
reason=$(core_obstacle) || true
if [ -n "$reason" ]; then
  suite arm64-core tap printf 'ok 1 - the core on arm64 # SKIP %s\n' "$reason"
else
  truncated=sys::rights::tests::a_message_whose_descriptors_do_not_all_arrive_is_an_error
  steering=relay::setup::flow_sharing::tests::
  alone=(
    "${steering}the_kernel_chooses_as_the_flow_number_does"
    "${steering}the_kernel_chooses_for_frames_as_the_flow_number_does"
    "${steering}a_source_stays_on_one_queue_and_consecutive_ports_are_on_consecutive_queues"
    "${steering}hosts_with_the_same_port_are_spread"
    "${steering}the_first_receives_all_once_datagrams_are_redirected"
    "${steering}a_port_that_is_taken_is_not_shared"
    "$truncated"
  )
  suite arm64-core cargo core --lib --test packets -- --show-output "${alone[@]/#/--skip=}"
  # Tests run one by one: qemu takes long from fork(2) to execve(2), and until then the child keeps a device of another
  # test open.
  suite arm64-devices cargo core --test persistent --test relay --test relay_setup -- --show-output --test-threads 1
  suite arm64-core-beyond tap beyond_qemu "${alone[@]}"
fi
summarise
