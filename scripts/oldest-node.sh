#!/usr/bin/env bash
# Fetches the oldest Node that package.json names, from the `node` packages of the registry, into the cache.
# Prints its path.
set -euo pipefail
# shellcheck source=scripts/nodes.sh
source "$(dirname "$0")/nodes.sh"

oldest=$(sed -n 's/^ *"node": ">=\(.*\)"$/\1/p' "$root/package.json")
node_of "$oldest.0"
