#!/usr/bin/env bash
# `npm run docs`: the site of the documents, in target/site, with its links checked. `npm run docs --
# dev` serves it while pages are written, `npm run docs -- preview` serves what was built.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
scripts/setup.sh

# The reference first: a warning of typedoc is an error, a dead link is one of VitePress.
node_modules/.bin/typedoc --logLevel Warn >&2
case ${1:-build} in
  build)
    node_modules/.bin/vitepress build docs >&2
    node scripts/check-site.js
    ;;
  dev | preview) exec node_modules/.bin/vitepress "$1" docs ;;
  *) die "docs: expected build, dev or preview, not \"$1\"" ;;
esac
