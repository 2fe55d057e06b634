#!/usr/bin/env bash
# Sets up a virtual environment in .venv (once) and runs everything that has to pass: lint, format, types, tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# Where Python keeps no compiled modules, every process that a test starts compiles all of them again.
unset PYTHONDONTWRITEBYTECODE
[ -x .venv/bin/python ] || python3 -m venv .venv
# Of the 10,000 modules in these packages few are ever imported; those are compiled when they are, by all processes.
.venv/bin/pip install --quiet --no-compile --editable '.[dev,docs,torch,onnx]'
.venv/bin/ruff check .
.venv/bin/ruff format --check .
# Types beside tests: one process on what the tests leave of the cores.
types=$(mktemp)
.venv/bin/mypy >"$types" 2>&1 &
checking=$!
tests=0
.venv/bin/pytest "$@" || tests=$?
wait "$checking" || { cat "$types"; tests=1; }
rm "$types"
exit "$tests"
