#!/usr/bin/env bash
# `scripts/first-hour.sh`: follows README and the first guides on empty machines made of namespaces, with the
# oldest Node. Each command and program is taken from the page. The packages are those of dist/packages/, or of
# TUN2UDP_PACKAGES; without them, the package of this platform is packed from the build of the clone.
# Ends with a line `N passed, N failed[, N skipped]`. Needs root.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
scripts/setup.sh

# Packs the addon of the clone, which needs a glibc as new as this system's.
pack_clone() {
  local addon
  for addon in dist/tun2udp.*.node; do
    cp "$addon" "npm/$(basename "$addon" .node | sed 's/^tun2udp\.//')/"
  done
  scripts/pack.sh
}

if [ -z "${TUN2UDP_PACKAGES-}" ]; then
  compgen -G 'dist/packages/*.tgz' >/dev/null || pack_clone
  export TUN2UDP_PACKAGES=$root/dist/packages
fi
# Not `export X=$(…)`, which would hide a failure.
TUN2UDP_OLDEST_NODE=$(scripts/oldest-node.sh)
export TUN2UDP_OLDEST_NODE
suite first-hour tap node_modules/.bin/ava --tap __test__/packages/first-hour.spec.ts
summarise
