#!/usr/bin/env bash
# `npm start -- ARGUMENTS`: sets up the clone, then becomes the program.
# No shell stays between npm and the program, so signals reach it and it never becomes an orphan.
set -euo pipefail
here=$(dirname "$0")
"$here/setup.sh"
program=("$(command -v node)" "$here/../dist/bin/tun2udp.js" "$@")
# npm forwards SIGINT and SIGTERM, but SIGHUP ends only npm: the kernel then ends the program.
if [ "${npm_lifecycle_event-}" = start ] && command -v setpriv >/dev/null; then
  exec setpriv --pdeathsig TERM -- "${program[@]}"
fi
exec "${program[@]}"
