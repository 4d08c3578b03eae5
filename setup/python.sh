#!/usr/bin/env bash
# Makes the Python that the tests and the notebook use (setup/requirements.txt) in the cache folder, once, and prints its path.
#   setup/python.sh            path of the interpreter on stdout, progress on stderr
# INFINITILE_CACHE: the cache folder, default ~/.cache/infinitile.
set -euo pipefail
requirements=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/requirements.txt
cache=${INFINITILE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/infinitile}
venv=$cache/python-$(sha256sum <"$requirements" | cut -c1-12)
if [ ! -f "$venv/.complete" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9  # two callers at once make it once
  if [ ! -f "$venv/.complete" ]; then
    echo "installing Python packages for the tests ..." >&2
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 || { echo "python3 cannot make a virtual environment: install python3-venv." >&2; exit 2; }
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2 || exit 2
    touch "$venv/.complete"
  fi
fi
echo "$venv/bin/python"
