#!/usr/bin/env bash
# `npm start -- ARGUMENTS`: sets up what is missing, then becomes the program.
# No shell stays between npm and it, so signals reach it and no orphan stays behind.
set -euo pipefail
here=$(dirname "$0")
"$here/setup.sh"
program=("$(command -v node)" "$here/../dist/bin/tun2udp.js" "$@")
# npm passes SIGINT and SIGTERM on, but SIGHUP ends it alone: the kernel then ends the program.
if [ "${npm_lifecycle_event-}" = start ] && command -v setpriv >/dev/null; then
  exec setpriv --pdeathsig TERM -- "${program[@]}"
fi
exec "${program[@]}"
