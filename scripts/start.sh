#!/usr/bin/env bash
# `npm start -- ARGUMENTS`: sets up what is missing, then becomes the program.
# No shell stays between npm and it, so signals reach it and no orphan stays behind.
set -euo pipefail
here=$(dirname "$0")
"$here/setup.sh"
program=("$(command -v node)" "$here/../dist/bin/tun2udp.js" "$@")
# npm hands on SIGINT and SIGTERM, but dies of SIGHUP by itself: there the kernel tells the program.
if [ "${npm_lifecycle_event-}" = start ] && command -v setpriv >/dev/null; then
  exec setpriv --pdeathsig HUP -- "${program[@]}"
fi
exec "${program[@]}"
