# shellcheck shell=bash
# Shared by the scripts that build and test packages; to be sourced.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Kept between runs, outside the tree.
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tun2udp
# The oldest glibc that the packages load with; __test__/packages/binaries.spec.ts asserts it.
# shellcheck disable=SC2034
readonly glibc_floor=2.17
# shellcheck disable=SC2034
readonly targets=(
  x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl
)
# The compiler of Debian's package rustc-web, used where rustup cannot add targets.
readonly debian_rustc=/usr/bin/rustc

# std_of RUSTC TARGET: succeeds if that compiler has the target's standard library.
std_of() { compgen -G "$("$1" --print target-libdir --target "$2")/libstd-*" >/dev/null; }

has_std() { std_of rustc "$1"; }

is_debian_rust_complete() {
  [ -x "$debian_rustc" ] && std_of "$debian_rustc" aarch64-unknown-linux-gnu &&
    [ -d "$("$debian_rustc" --print sysroot)/lib/rustlib/src/rust/library" ]
}

# apt_install PACKAGES: tries twice, since a mirror may be slow or in the middle of an update.
apt_install() {
  local attempt
  say "tun2udp: installing $*"
  for attempt in 1 2; do
    if DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2; then
      return
    fi
    say "tun2udp: attempt $attempt failed"
  done
  die "could not install $*"
}
