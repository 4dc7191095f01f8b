# shellcheck shell=bash
# Fetches versions of Node from the `node` packages of the registry; to be sourced.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Kept between runs, outside the tree: each is about 100 MB.
nodes=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp/node

# node_of VERSION: installs that version unless it is installed, and prints the path of its program.
node_of() {
  local node=$nodes/$1/node_modules/node/bin/node
  if [ ! -x "$node" ]; then
    say "tun2udp: fetching Node $1"
    mkdir -p "$nodes/$1"
    npm install --no-audit --no-fund --no-save --loglevel=error --prefix "$nodes/$1" "node@$1" >&2 ||
      die "npm could not install node@$1, for the reason above"
  fi
  printf '%s\n' "$node"
}
