#!/usr/bin/env bash
# Sets up a clone: npm packages, the native addon (release), the compiled TypeScript.
# Each step runs only if the content of its inputs has changed since its last run. Prints nothing
# on stdout, and nothing at all if no step runs.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

readonly node_floor=20.19
readonly stamps=dist/.setup
lock=

# Runs a step's command: its output goes to stderr, and it does not inherit the lock, which a daemon
# that it leaves behind would keep.
run() { "$@" {lock}>&- >&2; }

at_least() { printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet; }

check_linux() {
  [ "$(uname -s)" = Linux ] ||
    die "it runs on Linux only (TUN devices and RTNETLINK are Linux interfaces); this is $(uname -s)"
}

check_node() {
  local version
  version=$(node --version 2>/dev/null) ||
    die "Node is missing: install Node $node_floor or newer (nodejs.org, or your distribution's package)"
  at_least "${version#v}" "$node_floor" ||
    die "Node $node_floor or newer is needed; $(command -v node) is ${version#v}: install a newer one (nodejs.org)"
}

check_rust() {
  local floor version advice='install it by rustup (rustup.rs), then try again'
  # rustup's own place, which a shell opened before rustup was installed does not know yet.
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  floor=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
  command -v cargo >/dev/null ||
    die "the Rust toolchain is missing (no cargo on PATH), and the native addon has to be built: $advice"
  version=$(rustc --version) || die "rustc does not run; Rust $floor or newer is needed: $advice"
  version=${version#rustc }
  version=${version%% *}
  at_least "$version" "$floor" ||
    die "Rust $floor or newer is needed; $(command -v rustc) is $version: run \"rustup update\", or $advice"
  command -v cc >/dev/null ||
    die "a C linker is missing (no cc on PATH), which Rust needs: on Debian run \"apt-get install gcc libc6-dev\""
}

# Prints one hash of the machine's architecture, and of the names and contents of the files that the arguments name.
# Missing files are ignored: the step that creates them comes first, or fails with its own reason.
state_of() {
  {
    uname -m
    { find "$@" -type f -not -path '*/tests/*' -not -path '*/benches/*' -not -path '*/fuzz/*' \
      -print0 2>/dev/null || true; } | LC_ALL=C sort -z | xargs -0 -r sha256sum
  } | sha256sum
}

packages_state() { state_of package.json package-lock.json .npmrc; }
addon_state() { state_of Cargo.toml Cargo.lock build.rs crate package.json package-lock.json; }
typescript_state() {
  state_of package-lock.json tsconfig.json tsconfig.build.json index.ts lib bin dist/binding.d.ts \
    man completions scripts/generate scripts/bundle.js
}

# is_stamped STAMP STATE
is_stamped() { [ -f "$1" ] && [ "$(<"$1")" = "$2" ]; }

packages_are_current() { is_stamped node_modules/.tun2udp-setup "$(packages_state)"; }
addon_is_current() {
  [ -f dist/binding.d.ts ] && compgen -G 'dist/*.node' >/dev/null &&
    is_stamped "$stamps/addon" "$(addon_state)"
}
typescript_is_current() {
  [ -f dist/index.js ] && is_stamped "$stamps/typescript" "$(typescript_state)"
}
all_is_current() { packages_are_current && addon_is_current && typescript_is_current; }

install_packages() {
  local state
  state=$(packages_state)
  say "tun2udp: installing npm packages"
  # The build needs the development packages, even with NODE_ENV=production.
  run npm ci --include=dev --no-audit --no-fund --loglevel=error ||
    die "npm could not install the packages, for the reason above; it needs the npm registry"
  printf '%s\n' "$state" >node_modules/.tun2udp-setup
}

# The addon is built in another folder and moved into place: a running program has the old addon mapped, and writing
# into that file would kill it.
build_addon() {
  local state aside=$stamps/addon-build
  check_rust
  state=$(addon_state)
  say "tun2udp: building the native addon (the first time takes a minute or more)"
  rm -rf "$aside"
  mkdir -p "$aside"
  # lib/native/ loads the addon; the messages of the generated loader hide the error of dlopen(3).
  run node_modules/.bin/napi build --platform --release --no-js --dts binding.d.ts \
    --output-dir "$aside" ||
    die "the native addon could not be built, for the reason above"
  mv -f "$aside"/* dist/
  rmdir "$aside"
  printf '%s\n' "$state" >"$stamps/addon"
}

# Overwrites the existing files, and then removes those whose source is gone, so that a program that
# starts at this time finds all of its files.
compile_typescript() {
  local state emitted=$stamps/emitted
  state=$(typescript_state)
  say "tun2udp: compiling TypeScript"
  if ! node_modules/.bin/tsc --project tsconfig.build.json --listEmittedFiles {lock}>&- >"$emitted"; then
    grep -v '^TSFILE: ' "$emitted" >&2 || true
    die "TypeScript does not compile, for the reason above"
  fi
  # Replaces the entries that the compiler wrote. The other modules of dist/lib are for tests.
  node scripts/bundle.js {lock}>&- | sed "s#^#TSFILE: $(pwd -P)/#" >>"$emitted" ||
    die "the library and the programs could not be bundled, for the reason above"
  remove_strays "$emitted"
  run node --import @oxc-node/core/register scripts/generate/program.ts dist ||
    die "manual pages and completions could not be written, for the reason above"
  chmod +x dist/bin/*.js
  printf '%s\n' "$state" >"$stamps/typescript"
}

remove_strays() {
  local -A emitted=()
  local file here
  # The compiler prints real paths, even if the path of the clone contains a symbolic link.
  here=$(pwd -P)
  while IFS= read -r file; do emitted[${file#"TSFILE: $here/"}]=1; done <"$1"
  rm "$1"
  while IFS= read -r file; do
    [ -n "${emitted[$file]-}" ] || rm -f "$file"
  done < <(find dist -path "$stamps" -prune -o -type f \( -name '*.js' -o -name '*.d.ts' \) \
    -not -path dist/binding.d.ts -print)
}

# `--addon`: skips TypeScript, which may need files that are generated with the addon.
readonly mode=${1-}

check_linux
check_node
if all_is_current; then exit 0; fi
# One setup runs at a time, and a process that waited finds the steps done. The lock ends with this process.
exec {lock}<scripts/setup.sh
flock "$lock"
mkdir -p "$stamps"
# `A || B` is not used: a failure inside B would not end the script.
if ! packages_are_current; then install_packages; fi
if ! addon_is_current; then build_addon; fi
if [ "$mode" != --addon ] && ! typescript_is_current; then compile_typescript; fi
