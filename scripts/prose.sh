#!/usr/bin/env bash
# `scripts/prose.sh [--all | FILE...]`: checks the language of documents and comments with textlint
# (.textlintrc.cjs), by the words and constructions of scripts/prose/words.yml. Without arguments it checks
# all files of the tree except those below the paths of scripts/prose/pending.txt; with --all also those.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"
readonly pending=scripts/prose/pending.txt

kinds=(md ts mts js mjs cjs rs c h go sh bash py toml yml service)

# Prints the files of the tree that textlint can read. Files that .textlintignore names are skipped by textlint.
all_files() { git ls-files -co --exclude-standard -- "${kinds[@]/#/*.}"; }

# Removes from the standard input the files below a pending path. An entry that matches no file is refused.
without_pending() {
  local files entry rest
  files=$(cat)
  while IFS= read -r entry; do
    [[ -n $entry && $entry != '#'* ]] || continue
    # A path that ends with a slash is a folder.
    if [[ $entry == */ ]]; then
      rest=$(awk -v path="$entry" 'index($0, path) != 1' <<<"$files")
    else
      rest=$(awk -v path="$entry" '$0 != path' <<<"$files")
    fi
    [ "$rest" != "$files" ] || die "$pending: $entry is not a file or folder that is checked; remove the entry"
    files=$rest
  done <"$pending"
  printf '%s\n' "$files"
}

case ${1-} in
  '') mapfile -t files < <(all_files | without_pending) ;;
  --all) mapfile -t files < <(all_files) ;;
  -*) die "Invalid option \"$1\": expected --all, or files" ;;
  *) files=("$@") ;;
esac
[ "${#files[@]}" -gt 0 ] || die "prose: no file to check"
# One line per finding: a message can have several lines, and begins with the whole path.
npx --no-install textlint --format unix "${files[@]}" |
  awk -v root="$root/" '
    index($0, root) == 1 { if (line != "") print line; line = substr($0, length(root) + 1); next }
    $0 != "" { gsub(/^ +/, ""); line = (line == "" || /^[0-9]+ problem/) ? flush(line) $0 : line " " $0 }
    function flush(text) { if (text != "") print text; return "" }
    END { if (line != "") print line }'
