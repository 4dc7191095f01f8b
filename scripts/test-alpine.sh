#!/bin/sh
# Installs the tarballs of /clone/packages into an empty project on Alpine, and opens, reads and writes a device.
# To be run in a container with CAP_NET_ADMIN and /dev/net/tun.
set -eu
mkdir /tmp/project
cd /tmp/project
printf '{"private":true}' >package.json
case $(uname -m) in
  x86_64) cpu=x64 ;;
  aarch64) cpu=arm64 ;;
  *) echo "no package for $(uname -m)" >&2 && exit 1 ;;
esac
npm install --ignore-scripts /clone/packages/tun2udp-[0-9]*.tgz /clone/packages/tun2udp-linux-"$cpu"-musl-*.tgz
cp /clone/scripts/device-smoke.js smoke.mjs
node smoke.mjs
node_modules/.bin/tun2udp --version
