#!/usr/bin/env bash
# `scripts/build-packages.sh [TARGET...]`: builds the native addon of each platform package (by default all
# four) into npm/, and packs the addons in npm/ and the root package into dist/packages/ (scripts/pack.sh).
set -euo pipefail
# shellcheck source=scripts/packages.sh
source "$(dirname "$0")/packages.sh"
cd "$root"
export PATH=$cache/bin:$PATH

# x86_64-unknown-linux-gnu: linux-x64-gnu
platform_of() {
  local platform=${1/-unknown/}
  platform=${platform/#x86_64-linux/linux-x64}
  printf '%s\n' "${platform/#aarch64-linux/linux-arm64}"
}

# build TARGET: builds next to the finished addons, and moves the result into place once it is complete.
build() {
  local target=$1 platform aside versioned=$1 environment=()
  platform=$(platform_of "$target")
  aside=target/packages/$platform
  [[ $target != *-gnu ]] || versioned=$target.$glibc_floor
  if ! has_std "$target"; then
    environment+=("RUSTC=$debian_rustc")
    # Debian has no standard library for musl: Cargo builds it from source.
    [[ $target != *-musl ]] ||
      environment+=(RUSTC_BOOTSTRAP=1 "CARGO_UNSTABLE_BUILD_STD=std,panic_unwind")
  fi
  say "tun2udp: building $platform"
  env "${environment[@]}" node_modules/.bin/napi build --platform --release --target "$versioned" -x \
    --no-js --dts binding.d.ts --target-dir target/packages --output-dir "$aside" -- --locked >&2
  cmp "$aside/binding.d.ts" dist/binding.d.ts >&2 ||
    die "the types of $platform differ from dist/binding.d.ts"
  mv -f "$aside/tun2udp.$platform.node" "npm/$platform/"
  rm -rf "$aside"
}

built=("$@")
[ "${#built[@]}" -gt 0 ] || built=("${targets[@]}")
for target in "${built[@]}"; do
  [[ " ${targets[*]} " == *" $target "* ]] ||
    die "Invalid TARGET \"$target\": expected one of ${targets[*]}"
done
scripts/setup.sh
scripts/install-package-tools.sh "${built[@]}"
for target in "${built[@]}"; do build "$target"; done
scripts/pack.sh
