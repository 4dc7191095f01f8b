#!/usr/bin/env bash
# Installs the missing system packages that the tests need with apt-get, and Bun and Deno with npm.
# Needs root.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

# command=package
tools=(
  ip=iproute2 tc=iproute2 ping=iputils-ping iperf3=iperf3 socat=socat tunctl=uml-utilities
  unshare=util-linux setpriv=util-linux nsenter=util-linux python3=python3 shellcheck=shellcheck cc=gcc
  'c++=g++' readelf=binutils zsh=zsh fish=fish mandoc=mandoc nft=nftables setcap=libcap2-bin sysctl=procps
  systemd-analyze=systemd tshark=tshark curl=curl bird=bird2 tcpdump=tcpdump conntrack=conntrack
)

for runtime in bun deno; do
  command -v "$runtime" >/dev/null ||
    npm install --global --no-audit --no-fund --loglevel=error "$runtime" >&2 ||
    say "tun2udp: $runtime could not be installed; its test is skipped"
done

packages=()
for tool in "${tools[@]}"; do
  command -v "${tool%%=*}" >/dev/null || packages+=("${tool##*=}")
done
[ "${#packages[@]}" -gt 0 ] || exit 0
[ "$(id -u)" -eq 0 ] || die "missing: ${packages[*]}; as root run \"apt-get install ${packages[*]}\""
command -v apt-get >/dev/null || die "missing: ${packages[*]}; install them with your package manager"
say "tun2udp: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
# The tests start programs of their own: a package must not start a service (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
# A mirror may be slow or in the middle of an update: tries a second time.
for attempt in 1 2; do
  if apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2; then
    exit 0
  fi
  say "tun2udp: attempt $attempt failed"
done
die "could not install ${packages[*]}"
