#!/usr/bin/env bash
# This crate and PyTorch side by side: benches/compare/run.sh [--quick] [--cases a,b] [--parts steps,memory] …
# PyTorch lives in its own virtual environment under target/; another one's interpreter can be named by PYTHON.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}"
if [[ -z "${PYTHON:-}" ]]; then
  venv="$target/compare/venv"
  PYTHON="$venv/bin/python"
  if ! cmp -s benches/compare/requirements.txt "$venv/installed.txt"; then
    python3 -m venv "$venv"
    "$PYTHON" -m pip install --quiet -r benches/compare/requirements.txt
    cp benches/compare/requirements.txt "$venv/installed.txt"
  fi
fi
cargo build --release --locked --quiet --example compare
exec "$PYTHON" benches/compare/run.py --ours "$target/release/examples/compare" --out "$target/compare" "$@"
