# shellcheck shell=bash
# Runs test suites and counts them; to be sourced.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# suite NAME KIND COMMAND...: shows the command's output and stores it; KIND is the format of
# its report, `cargo` or `tap`. A suite that fails does not stop the next.
suite() {
  local name=$1 kind=$2 status=0
  shift 2
  say "== $name"
  "$@" 2>&1 | tee "$logs/$name.$kind" || status=$?
  printf '%s\n' "$status" >"$logs/$name.status"
}

# Prints every skipped test with its reason and, last, the line `N passed, N failed[, N skipped]`;
# fails if anything failed.
summarise() { node "$root/scripts/summary.js" "$logs"; }
