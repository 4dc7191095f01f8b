#!/usr/bin/env bash
# Makes a clone ready to run: npm packages, the native addon (release), the compiled TypeScript.
# Each of the three is done only when its inputs have changed since it was last done, by content.
# Says nothing when there is nothing to do; all it says goes to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly STAMPS=dist/.setup
readonly NODE_FLOOR=20.19
LOCK=

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  say "$@"
  exit 1
}

# A step: its output goes to stderr, and the lock is not handed down (a daemon would keep it).
run() { "$@" {LOCK}>&- >&2; }

at_least() { printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet; }

require_linux() {
  [[ $(uname -s) == Linux ]] ||
    die "tun2udp runs on Linux only (TUN devices and RTNETLINK are Linux interfaces); this is $(uname -s)"
}

require_node() {
  local version
  version=$(node --version 2>/dev/null) ||
    die "Node is not on PATH: install Node $NODE_FLOOR or newer, with npm, from https://nodejs.org or your distribution"
  at_least "${version#v}" "$NODE_FLOOR" ||
    die "Node $NODE_FLOOR or newer is needed, and $(command -v node) is ${version#v}: install a newer one from https://nodejs.org"
}

require_rust() {
  local floor version
  local get="install it by rustup from https://rustup.rs, then try again"
  # rustup's own place, which a shell that was open before its installation does not know yet.
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  floor=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
  command -v cargo >/dev/null ||
    die "no Rust toolchain (cargo is not on PATH), and the native addon has to be built: $get"
  version=$(rustc --version) || die "rustc does not run; Rust $floor or newer is needed: $get"
  version=${version#rustc }
  version=${version%% *}
  at_least "$version" "$floor" ||
    die "Rust $floor or newer is needed, and this is $version: run \`rustup update\`, or $get"
  command -v cc >/dev/null ||
    die "no C linker (cc is not on PATH), which Rust needs: on Debian \`apt-get install gcc libc6-dev\`, then try again"
}

# The state of a step's inputs: the files' names and contents, and the machine's architecture.
state_of() {
  {
    uname -m
    # What is not there has no state: its step comes before, or fails with a reason of its own.
    { find "$@" -type f -not -path '*/tests/*' -not -path '*/benches/*' -not -path '*/fuzz/*' \
      -print0 2>/dev/null || true; } | sort --zero-terminated | xargs --null sha256sum
  } | sha256sum
}

packages_state() { state_of package.json package-lock.json .npmrc; }
native_state() { state_of Cargo.toml Cargo.lock build.rs crate package.json package-lock.json; }
typescript_state() {
  state_of index.ts lib bin tsconfig.json tsconfig.build.json package-lock.json dist/binding.d.ts
}

stamp_is() { [[ -f $1 && $(<"$1") == "$2" ]]; }

packages_are_fresh() { stamp_is node_modules/.tun2udp-setup "$(packages_state)"; }
native_is_fresh() {
  [[ -f dist/binding.js && -f dist/binding.d.ts ]] && compgen -G 'dist/*.node' >/dev/null &&
    stamp_is "$STAMPS/native" "$(native_state)"
}
typescript_is_fresh() {
  [[ -f dist/index.js ]] && stamp_is "$STAMPS/typescript" "$(typescript_state)"
}

install_packages() {
  local state
  state=$(packages_state)
  say 'installing npm packages'
  run npm ci --include=dev --no-audit --no-fund --loglevel=error ||
    die 'npm ci failed, for the reason above; it needs the npm registry'
  printf '%s' "$state" >node_modules/.tun2udp-setup
}

# Built aside and moved into place: writing into a loaded addon would kill the programs that run it.
build_native() {
  local state aside=dist/.setup/native-build
  require_rust
  state=$(native_state)
  say 'building the native addon (the first time takes minutes)'
  rm -rf "$aside"
  mkdir -p "$aside"
  run node_modules/.bin/napi build --platform --release --esm \
    --js binding.js --dts binding.d.ts --output-dir "$aside" ||
    die 'the native addon could not be built, for the reason above'
  mv -f "$aside"/* dist/
  rmdir "$aside"
  printf '%s' "$state" >"$STAMPS/native"
}

# Written over what is there, and only then cleaned of what no source stands for any more, so that a
# program that starts meanwhile finds all its files.
build_typescript() {
  local state emitted=$STAMPS/emitted
  state=$(typescript_state)
  say 'compiling TypeScript'
  node_modules/.bin/tsc --project tsconfig.build.json --listEmittedFiles {LOCK}>&- >"$emitted" || {
    cat "$emitted" >&2
    die 'the TypeScript sources do not compile, for the reason above'
  }
  remove_strays "$emitted"
  [[ ! -f dist/bin/tun2udp.js ]] || chmod +x dist/bin/*.js
  printf '%s' "$state" >"$STAMPS/typescript"
}

remove_strays() {
  local -A kept=()
  local file
  while IFS= read -r file; do kept[${file#"TSFILE: $PWD/"}]=1; done <"$1"
  rm "$1"
  while IFS= read -r file; do
    [[ -n ${kept[$file]-} ]] || rm -f "$file"
  done < <(find dist -path "$STAMPS" -prune -o -type f \( -name '*.js' -o -name '*.d.ts' \) \
    -not -path dist/binding.js -not -path dist/binding.d.ts -print)
}

fresh() { packages_are_fresh && native_is_fresh && typescript_is_fresh; }

require_linux
require_node
if fresh; then exit 0; fi

# One set-up at a time; who waited finds the work done. The lock goes with this process.
exec {LOCK}<scripts/setup.sh
flock "$LOCK"
mkdir -p "$STAMPS"
# Not `A || B`: a failure inside B would not end the script.
if ! packages_are_fresh; then install_packages; fi
if ! native_is_fresh; then build_native; fi
if ! typescript_is_fresh; then build_typescript; fi
