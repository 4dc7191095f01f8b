#!/usr/bin/env bash
# Packs the root package, and each platform package whose addon is in npm/, into dist/packages/.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"

readonly packages=dist/packages
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT

# pack FOLDER: prints npm's output only if it fails.
pack() { npm pack --silent --pack-destination "$packages" "$1" >/dev/null || die "npm could not pack $1"; }

rm -rf "$packages"
mkdir -p "$packages"
for folder in npm/*/; do
  compgen -G "$folder*.node" >/dev/null || continue
  cp LICENSE THIRD-PARTY.md "$folder"
  pack "./$folder"
done
# The root package with the files of its manifest, but with the published manifest.
npm pack --silent --pack-destination "$staged" . >/dev/null
tar -xzf "$staged"/tun2udp-*.tgz -C "$staged"
node scripts/published-manifest.js >"$staged/package/package.json"
pack "$staged/package"
