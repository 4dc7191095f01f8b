#!/usr/bin/env bash
# Makes a bare clone ready to run: dependencies, the native addon, the compiled TypeScript.
# Each step is done only if what it reads has changed since it was last done. Prints nothing on
# stdout, and nothing at all when there is nothing to do.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
cd "$root"

stamps=$root/dist/.stamps

check_tools() {
  [ "$(uname -s)" = Linux ] || die "it runs on Linux only, and this is $(uname -s)"
  command -v node >/dev/null ||
    die "Node is missing: install Node 20.19 or newer (nodejs.org, or your distribution's package)"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number)
           process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node $(node -v) is too old: it needs 20.19 or newer"
}

check_rust() {
  command -v cargo >/dev/null ||
    die "the Rust toolchain is missing: install it by rustup (rustup.rs), 1.88 or newer"
  command -v cc >/dev/null || die "a C linker is missing: run \"apt-get install gcc libc6-dev\""
}

# One hash of the content of all files that the arguments name.
hash_of() {
  find "$@" -type f -not -path '*/target/*' -print0 2>/dev/null | LC_ALL=C sort -z |
    xargs -0 -r cat -- | sha256sum | cut -d' ' -f1
}

# step NAME HASH OUTPUT COMMAND...: runs COMMAND unless OUTPUT is there and was made from HASH.
step() {
  local name=$1 hash=$2 output=$3
  shift 3
  if [ -e "$output" ] && [ "$(cat "$stamps/$name" 2>/dev/null)" = "$hash" ]; then return; fi
  say "tun2udp: $name"
  "$@" >&2
  mkdir -p "$stamps"
  printf '%s\n' "$hash" >"$stamps/$name"
}

install_dependencies() { npm ci --no-audit --no-fund --loglevel=error; }

build_addon() {
  check_rust
  npx --no-install napi build --platform --release --esm \
    --js binding.js --dts binding.d.ts --output-dir dist
}

# Compiled files of sources that are gone must not stay, so the old ones go first.
compile_typescript() {
  rm -rf dist/lib dist/bin dist/index.js dist/index.d.ts
  npx --no-install tsc --project tsconfig.build.json
  chmod +x dist/bin/*.js
}

main() {
  check_tools
  mkdir -p dist
  # Two starts at the same time must not build over each other.
  exec 9>dist/.lock
  flock 9
  step "installing dependencies" \
    "$(node -v) $(hash_of package.json package-lock.json)" node_modules/.package-lock.json \
    install_dependencies
  step "building the native addon (the first time takes about a minute)" \
    "$(node -p 'process.arch') $(hash_of Cargo.toml Cargo.lock build.rs crate)" dist/binding.js \
    build_addon
  step "compiling TypeScript" \
    "$(hash_of package-lock.json tsconfig.json tsconfig.build.json index.ts lib bin dist/binding.d.ts)" \
    dist/index.js compile_typescript
}

main
