# shellcheck shell=bash
# Shared by the scripts here; to be sourced. Scripts print all messages on stderr.

# shellcheck disable=SC2034 # used by the scripts that source it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
  say "tun2udp: $*"
  exit 1
}

# Ends a soak test that cannot create network namespaces.
needs_namespaces() {
  [ "$(id -u)" -eq 0 ] || die "the soak test creates network namespaces: run it as root"
  command -v ip >/dev/null || die "ip of iproute2 is missing: run scripts/install-test-tools.sh"
}
