#!/usr/bin/env bash
# `scripts/bench-peer.sh PACKAGE PROGRAM`: prints the path of a program of a Debian package for the bench. The system is
# not changed: a program that is not installed is unpacked in the cache, with the libraries that are not installed.
# No service is started.
set -euo pipefail
# shellcheck source=scripts/packages.sh
source "$(dirname "$0")/packages.sh"

[ "$#" -eq 2 ] || die "usage: scripts/bench-peer.sh PACKAGE PROGRAM"
package=$1 program=$2
installed=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program" || true)
if [ -n "$installed" ]; then
  printf '%s\n' "$installed"
  exit 0
fi
kept=$cache/bench/debian-$package

# Prints the direct dependencies of the package that are libraries and not installed. The libraries of these
# libraries are installed with apt itself.
missing_libraries() {
  local library
  while read -r library; do
    dpkg-query --show --showformat '${Status}' "$library" 2>/dev/null | grep -q ' installed$' || printf '%s\n' "$library"
  done < <(apt-cache depends --important "$package" | sed -n 's/^ *Depends: \(lib[^ <>]*\)$/\1/p')
}

# download PACKAGE...: downloads into the current directory, where the user _apt may not write.
download() { apt-get download -qq -o APT::Sandbox::User=root "$@" >&2; }

# Unpacks the package in the current directory, with a file in `bin` for each program, which sets the search path of
# its libraries.
unpack() {
  local file libraries
  for file in ./*.deb; do dpkg-deb --extract "$file" root; done
  rm -f ./*.deb
  libraries=$(find root -name '*.so.*' -printf "$kept/%h\n" | sort -u | paste -sd :)
  mkdir bin
  while read -r file; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$kept/$file" >"bin/${file##*/}"
    chmod 755 "bin/${file##*/}"
  done < <(find root -path '*bin/*' -type f)
}

if [ ! -d "$kept" ]; then
  for tool in apt-get apt-cache dpkg-query dpkg-deb; do
    command -v "$tool" >/dev/null || die "$program is not installed, and without $tool it cannot be fetched"
  done
  mkdir -p "$cache/bench"
  aside=$(mktemp -d "$kept.XXXXXX")
  trap 'rm -rf "$aside"' EXIT
  cd "$aside"
  # The lists of packages may be old or missing.
  mapfile -t files < <(missing_libraries)
  if ! download "$package" "${files[@]}"; then
    apt-get update -qq >&2 || true
    mapfile -t files < <(missing_libraries)
    download "$package" "${files[@]}" || die "apt-get could not download $package, for the reason above"
  fi
  unpack
  # Another process may have unpacked it during this time.
  mv -T "$aside" "$kept" 2>/dev/null || [ -d "$kept" ]
fi
[ -x "$kept/bin/$program" ] || die "the package $package has no program $program"
printf '%s\n' "$kept/bin/$program"
