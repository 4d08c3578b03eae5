#!/usr/bin/env bash
# Runs a Python script with the packages that the tests need.     tests/python.sh SCRIPT [ARGUMENTS]
exec "$("$(dirname "${BASH_SOURCE[0]}")/../setup/python.sh")" -B "$@"
