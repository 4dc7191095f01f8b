# Shared by the scripts here; to be sourced. Everything a script says goes to stderr.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
  say "tun2udp: $*"
  exit 1
}
