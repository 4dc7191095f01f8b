#!/usr/bin/env bash
# `scripts/install-package-tools.sh [TARGET...]`: installs the missing tools of scripts/build-packages.sh for the
# targets (by default all four): zig and cargo-zigbuild (PyPI) in the
# cache, and the standard library of each target, from rustup or, if its server cannot be reached,
# from Debian (apt-get, root).
set -euo pipefail
# shellcheck source=scripts/packages.sh
source "$(dirname "$0")/packages.sh"

readonly zig_version=0.15.2 zigbuild_version=0.24.0

# Without rustup's server: Debian's compiler has the libraries for glibc, and those for musl are built from
# its source.
install_debian_targets() {
  local packages=() architecture
  for architecture in amd64 arm64; do
    packages+=("libstd-rust-web-dev:$architecture")
  done
  [ "$(id -u)" -eq 0 ] || die "rustup cannot add ${missing[*]}, and apt-get needs root"
  command -v apt-get >/dev/null || die "rustup cannot add ${missing[*]}, and there is no apt-get"
  dpkg --add-architecture arm64
  dpkg --add-architecture amd64
  apt_install rustc-web rust-web-src "${packages[@]}"
}

install_zig() {
  local wheels=$cache/zig-$zig_version
  if [ ! -x "$wheels/ziglang/zig" ]; then
    say "tun2udp: fetching zig $zig_version"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
      --target "$wheels" "ziglang==$zig_version" "cargo-zigbuild==$zigbuild_version" >&2 ||
      die "pip could not install zig, for the reason above; it needs python3-pip and PyPI"
  fi
  mkdir -p "$cache/bin"
  ln -sfn "$wheels/ziglang/zig" "$cache/bin/zig"
  ln -sfn "$wheels/bin/cargo-zigbuild" "$cache/bin/cargo-zigbuild"
}

wanted=("$@")
[ "${#wanted[@]}" -gt 0 ] || wanted=("${targets[@]}")
install_zig
missing=()
for target in "${wanted[@]}"; do has_std "$target" || missing+=("$target"); done
[ "${#missing[@]}" -gt 0 ] || exit 0
if ! rustup target add "${missing[@]}" >&2; then
  is_debian_rust_complete || install_debian_targets
fi
