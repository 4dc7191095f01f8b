#!/usr/bin/env bash
# `npm start -- ARGUMENTS`: sets up what is missing, then becomes the program.
# No shell stays between npm and it, so signals reach it and no orphan stays behind.
set -euo pipefail
here=$(dirname "$0")
"$here/setup.sh"
exec node "$here/../dist/bin/tun2udp.js" "$@"
