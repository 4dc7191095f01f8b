#!/usr/bin/env bash
# Packs the root package, and each platform package whose addon lies in npm/, into dist/packages/.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"

readonly packages=dist/packages
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT

# pack FOLDER: npm's own words only when it fails.
pack() { npm pack --silent --pack-destination "$packages" "$1" >/dev/null || die "npm could not pack $1"; }

rm -rf "$packages"
mkdir -p "$packages"
for folder in npm/*/; do
  compgen -G "$folder*.node" >/dev/null || continue
  cp LICENSE THIRD-PARTY.md "$folder"
  pack "./$folder"
done
# The root package as its files say, but with a manifest for those who install it.
npm pack --silent --pack-destination "$staged" . >/dev/null
tar -xzf "$staged"/tun2udp-*.tgz -C "$staged"
node scripts/published-manifest.js >"$staged/package/package.json"
pack "$staged/package"
