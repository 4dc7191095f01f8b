#!/usr/bin/env bash
# `npm run docs`: builds the website in target/site, and checks its links. `npm run docs --
# dev` serves it while pages are edited, `npm run docs -- preview` serves the built site.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
scripts/setup.sh

# The reference comes first. A warning of typedoc is an error, as is a dead link in VitePress.
node_modules/.bin/typedoc --logLevel Warn >&2
case ${1:-build} in
  build)
    node_modules/.bin/vitepress build docs >&2
    node scripts/check-site.js
    ;;
  dev | preview) exec node_modules/.bin/vitepress "$1" docs ;;
  *) die "docs: expected build, dev or preview, not \"$1\"" ;;
esac
