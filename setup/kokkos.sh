#!/usr/bin/env bash
# Prints where CMake finds Kokkos. Where none is installed, it is built first (Serial and OpenMP, about half a minute, once) from
# Debian's own source package `trilinos`, into a cache folder.
#   setup/kokkos.sh            prefix on stdout, progress on stderr
# INFINITILE_CACHE: the cache folder, default ~/.cache/infinitile. Kokkos_ROOT: an installed Kokkos; it is taken as it is.
set -euo pipefail
if [ -n "${Kokkos_ROOT:-}" ]; then echo "$Kokkos_ROOT"; exit 0; fi
IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
for prefix in ${prefixes[@]+"${prefixes[@]}"} /usr /usr/local; do
  for config in "$prefix"/lib*/cmake/Kokkos/KokkosConfig.cmake "$prefix"/lib/*/cmake/Kokkos/KokkosConfig.cmake; do
    if [ -f "$config" ]; then echo "$prefix"; exit 0; fi
  done
done

version=13.2.0
cache=${INFINITILE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/infinitile}
prefix=$cache/kokkos-trilinos-$version
if [ -f "$prefix/.complete" ]; then echo "$prefix"; exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "Kokkos is missing: install Kokkos 3.4 to 5.x (Spack: kokkos +openmp; module: Kokkos) and set Kokkos_ROOT or CMAKE_PREFIX_PATH." >&2
  exit 2
fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9  # two callers at once build it once
if [ -f "$prefix/.complete" ]; then echo "$prefix"; exit 0; fi
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "fetching Kokkos (source package trilinos $version) ..." >&2
# A private list of source packages: the machine's own configuration stays as it is.
mkdir -p "$work/lists/partial" "$work/source"
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  list=$work/src.sources
  sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$list"
else
  list=$work/src.list
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$list"
fi
options=(-o "Dir::Etc::sourcelist=$list" -o "Dir::Etc::sourceparts=-" -o "Dir::State::lists=$work/lists" -o "APT::Sandbox::User=$(id -un)")
apt-get "${options[@]}" -qq update >&2
(cd "$work/source" && apt-get "${options[@]}" -qq source --download-only trilinos >&2)
set -- "$work/source/trilinos_$version"*.orig.tar.*
if [ ! -f "$1" ]; then
  echo "Kokkos: expected the source package trilinos $version, found $(cd "$work/source" && echo *.dsc). Install Kokkos 3.4 to 5.x and set Kokkos_ROOT." >&2
  exit 2
fi

echo "building Kokkos ..." >&2
tar -C "$work" -xf "$1" --wildcards '*/packages/kokkos/*'
cmake -G Ninja -S "$work"/*/packages/kokkos -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=20 -DCMAKE_INSTALL_PREFIX="$prefix" \
  -DKokkos_ENABLE_SERIAL=ON -DKokkos_ENABLE_OPENMP=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON >"$work/configure.log" 2>&1 || { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/build" >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; exit 1; }
cmake --install "$work/build" >"$work/install.log"
touch "$prefix/.complete"
echo "$prefix"
