#!/usr/bin/env bash
# Checks licences, sources and advisories of dependencies: cargo-deny with deny.toml, and `npm audit`. The first run
# builds cargo-deny in the cache. If the database of advisories or the registry's audit cannot be
# reached, that part is skipped with the reason. Ends with a line `N passed, N failed[, N skipped]`.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"

readonly version=0.20.2
readonly tool=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp/cargo-deny-$version
export PATH=$tool/bin:$PATH

install_cargo_deny() {
  [ ! -x "$tool/bin/cargo-deny" ] || return 0
  say "tun2udp: building cargo-deny $version (some minutes, once)"
  cargo install --quiet --locked --root "$tool" "cargo-deny@$version" >&2 ||
    die "cargo could not install cargo-deny, for the reason above; it needs crates.io"
}

# obstacle OUTPUT: prints the server that could not be reached, if this is why a command failed.
obstacle() {
  if grep -q '^npm error audit endpoint returned an error' <<<"$1"; then
    sed -n 's/^npm warn audit /npm: /p' <<<"$1" | head -n 1
  else
    grep -m 1 -o 'failed to fetch advisory database [^ ]*' <<<"$1"
  fi
}

# audit TITLE COMMAND...: one test in the Test Anything Protocol.
audit() {
  local title=$1 output reason status=0
  shift
  printf 'TAP version 13\n1..1\n'
  output=$("$@" 2>&1) || status=$?
  if [ "$status" -eq 0 ]; then
    printf 'ok 1 - %s\n' "$title"
  elif reason=$(obstacle "$output"); then
    printf 'ok 1 - %s # SKIP %s\n' "$title" "$reason"
    return
  else
    printf 'not ok 1 - %s\n' "$title"
  fi
  [ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/# /'
  return "$status"
}

deny() { cargo deny --locked --log-level error --manifest-path "$1" check --hide-inclusion-graph "${@:2}"; }

install_cargo_deny
for manifest in Cargo.toml crate/core/fuzz/Cargo.toml; do
  name=cargo-deny-${manifest//\//-}
  suite "$name" tap audit "cargo-deny licences, bans and sources: $manifest" deny "$manifest" licenses bans sources
  suite "$name-advisories" tap audit "cargo-deny advisories: $manifest" deny "$manifest" advisories
done
# In packages that only build and test, advisories below high severity are not a failure.
suite npm-installed tap audit 'npm audit of what is installed' npm audit --omit=dev
suite npm-all tap audit 'npm audit of all' npm audit --audit-level=high
summarise
