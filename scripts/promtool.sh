#!/usr/bin/env bash
# Fetches promtool, which checks the text of the metrics, from the package `prometheus` of Debian into the cache.
# Nothing is installed, since the package would start a server. Prints its path.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

if command -v promtool; then exit 0; fi
folder=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp/promtool
promtool=$folder/usr/bin/promtool
if [ ! -x "$promtool" ]; then
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null ||
      die "promtool is missing, and $tool too; install Prometheus with your package manager"
  done
  say "tun2udp: fetching promtool"
  mkdir -p "$folder"
  cd "$folder"
  # The lists of packages may be old or missing.
  apt-get download -qq prometheus >&2 || { apt-get update -qq >&2 && apt-get download -qq prometheus >&2; } ||
    die "apt-get could not download prometheus, for the reason above"
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
  rm -f prometheus_*.deb
fi
printf '%s\n' "$promtool"
