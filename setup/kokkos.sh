#!/usr/bin/env bash
# Builds Kokkos (Serial and OpenMP) where no usable one is installed, from Debian's own source package `trilinos`, into a cache folder;
# prints the prefix that CMake should look in. About half a minute, once.
#   setup/kokkos.sh            prefix on stdout, progress on stderr
# INFINITILE_CACHE: the cache folder, default ~/.cache/infinitile. Kokkos_ROOT: an installed Kokkos; it is taken as it is.
set -euo pipefail
if [ -n "${Kokkos_ROOT:-}" ]; then echo "$Kokkos_ROOT"; exit 0; fi
version=13.2.0
cache=${INFINITILE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/infinitile}
prefix=$cache/kokkos-trilinos-$version
if [ -f "$prefix/.complete" ]; then echo "$prefix"; exit 0; fi
command -v apt-get >/dev/null || { echo "Kokkos is missing: install Kokkos 3.4 to 5.x (Spack: kokkos +openmp; module: kokkos) and set Kokkos_ROOT." >&2; exit 1; }
mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetching the source package trilinos $version ..." >&2
# A private list of source packages: the machine's own configuration stays as it is.
mkdir -p "$work/lists/partial" "$work/source"
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/src.sources"
  list=$work/src.sources
else
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$work/src.list"
  list=$work/src.list
fi
options=(-o "Dir::Etc::sourcelist=$list" -o "Dir::Etc::sourceparts=-" -o "Dir::State::lists=$work/lists" -o "APT::Sandbox::User=$(id -un)")
apt-get "${options[@]}" -qq update >&2
(cd "$work/source" && apt-get "${options[@]}" -qq source --download-only trilinos >&2)
echo "building Kokkos ..." >&2
tar -C "$work" -xf "$work"/source/trilinos_*.orig.tar.* --wildcards '*/packages/kokkos/*'
cmake -S "$work"/*/packages/kokkos -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=20 -DCMAKE_INSTALL_PREFIX="$prefix" \
  -DKokkos_ENABLE_SERIAL=ON -DKokkos_ENABLE_OPENMP=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON >"$work/configure.log" 2>&1 || { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/build" -j "$(nproc)" >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; exit 1; }
cmake --install "$work/build" >"$work/install.log"
touch "$prefix/.complete"
echo "$prefix"
