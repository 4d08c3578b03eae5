#!/usr/bin/env bash
# All C++ is as clang-format 14 lays it out (.clang-format). Exit code 77: skipped, there is no clang-format 14.
#   tests/format.sh            names the files that differ
#   tests/format.sh --mend     puts them right
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for tool in clang-format-14 clang-format ""; do
  if [ -n "$tool" ] && "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then break; fi
done
if [ -z "$tool" ]; then
  echo "SKIPPED: clang-format 14 is not installed (Debian: clang-format-14)"
  exit 77
fi
sources() { find src kernels drivers tests \( -name '*.[ch]pp' -o -name '*.cu' \) -print0; }
if [ "${1:-}" = --mend ]; then
  sources | xargs -0 "$tool" -i
elif wrong=$(sources | xargs -0 "$tool" --dry-run 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:.*clang-format-violations.*/\1/p' | sort | uniq -c) && [ -n "$wrong" ]; then
  echo "Lines that clang-format 14 would lay out differently (tests/format.sh --mend does it):"
  echo "$wrong"
  exit 1
fi
