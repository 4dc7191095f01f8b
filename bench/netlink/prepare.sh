#!/usr/bin/env bash
# Brings what the race needs into bench/.cache/netlink, unless it is there: pyroute2 in a virtual
# environment of its own, and the Go program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../.cache/netlink
mkdir -p "$cache"
if [ ! -x "$cache/venv/bin/python" ] || ! "$cache/venv/bin/python" -c 'import pyroute2' 2>/dev/null; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check pyroute2
fi
(cd "$here/go" && go build -o "$cache/go-task" .)
