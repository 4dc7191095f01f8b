#!/usr/bin/env bash
# `npm start -- ARGUMENTS`: sets up what is not set up yet, then becomes the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
# npm hands SIGINT and SIGTERM on, but dies of SIGHUP alone: the kernel then tells the program.
if [[ ${npm_lifecycle_event-} == start ]] && command -v setpriv >/dev/null; then
  exec setpriv --pdeathsig HUP -- node dist/bin/tun2udp.js "$@"
fi
exec node dist/bin/tun2udp.js "$@"
