#!/usr/bin/env bash
# Sees to it that all that Infinitile is built from is there, and prints where CMake finds Kokkos. Quick when nothing is missing.
#   setup/install.sh           what the program needs       Kokkos' prefix on stdout, progress on stderr
#   setup/install.sh tests     what the tests need as well
# As root on Debian or Ubuntu it installs what is missing with apt-get. Elsewhere it lists what is missing and ends with exit code 2.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Purpose, Debian package, Spack package, usual name of the module, and how it shows on any machine.
needs() {
  cat <<'TABLE'
build g++                         gcc             gcc           command:g++
build cmake                       cmake           cmake         command:cmake
build ninja-build                 ninja           ninja         command:ninja
build git                         git             git           command:git
build ca-certificates             -               -             command:git
build xz-utils                    xz              xz            command:xz
build openmpi-bin                 openmpi         openmpi       command:mpirun
build libopenmpi-dev              openmpi         openmpi       command:mpicxx
build libhdf5-dev                 hdf5+hl~mpi     hdf5          header:hdf5_hl.h
build libopenblas-pthread-dev     openblas        openblas      header:cblas.h
build libyaml-cpp-dev             yaml-cpp        yaml-cpp      header:yaml-cpp/yaml.h
build libboost-program-options-dev boost+program_options boost  header:boost/program_options.hpp
build nlohmann-json3-dev          nlohmann-json   nlohmann_json header:nlohmann/json.hpp
build libfmt-dev                  fmt             fmt           header:fmt/format.h
build libxxhash-dev               xxhash          xxHash        header:xxhash.h
build libssl-dev                  openssl         openssl       header:openssl/evp.h
build libprotobuf-dev             protobuf        protobuf      header:google/protobuf/message_lite.h
build protobuf-compiler           protobuf        protobuf      command:protoc
build ccache                      ccache          ccache        optional
tests catch2                      catch2@2        Catch2        header:catch2/catch.hpp
tests clang-format-14             llvm@14         Clang         optional
tests python3-venv                python          Python        command:python3
tests procps                      -               -             command:ps
tests slurm-wlm                   -               -             optional
tests munge                       -               -             optional
TABLE
}

say() { echo "$@" >&2; }

# Is it here, though no Debian package says so? `optional` things are installed where that is possible and never asked for.
is_here() {
  case $1 in
    command:*) command -v "${1#command:}" >/dev/null ;;
    header:*) echo "#include <${1#header:}>" | g++ -std=c++20 -E -x c++ ${CMAKE_PREFIX_PATH:+$(printf -- '-I%s/include ' ${CMAKE_PREFIX_PATH//[:;]/ })} - >/dev/null 2>&1 ;;
    optional) return 0 ;;
  esac
}

# The lines of the table for which Debian's package manager knows no installed package.
missing_packages() {
  local installed=" "
  if command -v dpkg-query >/dev/null; then
    installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' 2>/dev/null || true)"
  fi
  needs | while read -r purpose debian rest; do
    case "$purposes" in *"$purpose"*) ;; *) continue ;; esac
    case "$installed" in *" installed:$debian "*) ;; *) echo "$debian $rest" ;; esac
  done
}

install_packages() {
  local log
  log=$(mktemp)
  say "installing $*"
  if ! apt-get -qq install --no-install-recommends "$@" </dev/null >"$log" 2>&1; then
    tail -20 "$log" >&2
    say "apt-get could not install these packages."
    return 1
  fi
  rm -f "$log"
}

install_missing() {  # lines of the table on stdin
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1  # runlevel 1: services such as munge are installed but not started
  local needed=() wanted=() debian rest
  while read -r debian rest; do
    case "$rest" in *optional) wanted+=("$debian") ;; *) needed+=("$debian") ;; esac
  done
  say "fetching the lists of packages ..."
  apt-get -qq update >&2 || { say "apt-get update failed: is there a network?"; exit 2; }
  [ ${#needed[@]} = 0 ] || install_packages "${needed[@]}" || exit 2
  [ ${#wanted[@]} = 0 ] || install_packages "${wanted[@]}" || say "Going on without them."
}

refuse() {  # lines of the table on stdin
  local debian="" spack="" module="" d s m _
  while read -r d s m _; do
    debian+=" $d"
    case "$s" in -) ;; *) spack+=" $s" module+=" $m" ;; esac
  done
  say "Some of what Infinitile is built from is missing, and only root on Debian or Ubuntu can have it installed from here."
  say "  Debian, Ubuntu:  sudo apt-get install$debian"
  say "  Spack:           spack load$(tr ' ' '\n' <<<"$spack" | sort -u | tr '\n' ' ')"
  say "  modules:         module load$(tr ' ' '\n' <<<"$module" | sort -u | tr '\n' ' ')(names differ between sites)"
  say "Install or load them and run the same command again."
  exit 2
}

purposes="build ${1:-}"
missing=$(missing_packages)
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install_missing <<<"$missing"
  else
    really=$(while read -r line; do is_here "${line##* }" || echo "$line"; done <<<"$missing")
    [ -z "$really" ] || refuse <<<"$really"
  fi
fi
exec "$here/kokkos.sh"
