#!/usr/bin/env bash
# `scripts/soak-device.sh [PACKETS [CYCLES]]`: sends numbered packets into a device and out of it, 10,000,000
# by default, and opens and closes devices, 10,000 times by default. Needs root.
set -euo pipefail
# shellcheck source=scripts/suites.sh
source "$(dirname "$0")/suites.sh"
cd "$root"
needs_namespaces
scripts/setup.sh
export TUN2UDP_SEQUENCE=${1:-10000000} TUN2UDP_CYCLES=${2:-10000} TUN2UDP_PATIENCE_MS=3600000
suite numbers tap node_modules/.bin/ava --tap --timeout=1h __test__/netns/device/sequence.spec.ts
suite cycles tap node_modules/.bin/ava --tap --timeout=1h __test__/netns/device/lifetime.spec.ts \
  --match '*opened, read and closed*'
summarise
