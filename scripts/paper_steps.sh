#!/bin/sh
# Takes the first 100 steps of pipelines/fomo/paper_cifar10.fsched with fsched, and twice in PyTorch with other random starts of
# the attack, from the same weights and with the same images, crops and flips, and prints how far the losses are apart:
#   scripts/paper_steps.sh [FOLDER]      (default: data-cache, which git ignores)
# About 1.5 hours on two cores. What is in FOLDER already is not done again. Set PYTHON to an interpreter that has torch, numpy,
# pillow and safetensors, and FSCHED to a built program, to do without building them.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-data-cache}
"$repository/scripts/fetch_data.sh" "$folder"
cd "$folder"

if [ -z "${PYTHON:-}" ]; then
    PYTHON=$(pwd)/paper-python/bin/python
    if [ ! -x "$PYTHON" ]; then
        python3 -m venv paper-python
        "$PYTHON" -m pip install torch numpy pillow safetensors
    fi
fi
if [ -z "${FSCHED:-}" ]; then
    cargo build --release --manifest-path "$repository/Cargo.toml"
    FSCHED=$repository/target/release/fsched
fi

"$FSCHED" run "$repository/scripts/paper/first_steps.fsched" --threads 2 --data-dir . --out paper-steps --resume
for seed in 1 2; do
    [ -f torch-$seed.json ] && continue
    "$PYTHON" "$repository/scripts/paper/replica.py" --cifar cifar10 --start paper-steps/checkpoints/start/weights.safetensors \
        --seed $seed --threads 2 --out torch-$seed.part
    mv torch-$seed.part torch-$seed.json
done
python3 "$repository/scripts/paper/compare.py" paper-steps torch-1.json torch-2.json
