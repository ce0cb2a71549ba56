#!/usr/bin/env python3
"""Attacks weights that fsched trained with PyTorch and torchattacks, and compares image by image with what fsched found.

Needs torch, torchattacks 3.5.1 (which needs scipy), safetensors and numpy. A comparison takes two steps.

1. fsched measures the first 500 test images of a run's network, with no random start so that both programs attack the
   same points (`evaluate … per_example: true` writes a list of 0 and 1 for each metric):

       evaluate clean, robust(pgd(eps: 8/255, step: 2/255, iters: 20, random_start: false)) per_example: true on test

2. This script does the same from the saved weights:

       python tests/goldens/compare_attacks.py runs/R/final.safetensors \\
           --idx t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz --first 500 \\
           --eps 8/255 --step 2/255 --iters 20 \\
           --clean runs/R/evaluations/STEP-clean.json --robust runs/R/evaluations/STEP-robust.json

Images come from `--idx IMAGES LABELS` (MNIST's format, .gz or not), `--safetensors FILE` (tensors `images`, f32 in 0..=1,
(N, C, H, W), and `labels`) or `--npy IMAGES LABELS` (the same two as arrays; uint8 images are divided by 255). The model
is recognised by its names: `convnet` (say `--padding 0` or `--no-pool-last` where it was trained so) or
`preact_resnet18`; `--mean` and `--std` are those of the model statement. An image counts as withstanding the attack
where it is classified correctly as it is and as attacked, as in fsched.

Prints one JSON object: both accuracies of either program, and the images on which they differ. The exit status is 1
if clean results differ at all or robust accuracy by more than `--points` (0.3) percentage points.
"""

import argparse
import gzip
import json
import struct
import sys
from fractions import Fraction

import numpy as np
import torch
import torchattacks
from make_models import ConvNet, Normalized, PreActResNet18
from safetensors.torch import load_file


def idx(path):
    data = (gzip.open if str(path).endswith(".gz") else open)(path, "rb").read()
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def pixels(array):
    images = torch.from_numpy(np.array(array))
    if images.dtype == torch.uint8:
        images = images.float() / 255
    return images.unsqueeze(1) if images.dim() == 3 else images


def load_images(args):
    if args.safetensors:
        file = load_file(args.safetensors)
        images, labels = file["images"].float(), file["labels"].long()
    elif args.npy:
        images, labels = pixels(np.load(args.npy[0])), torch.from_numpy(np.load(args.npy[1])).long()
    else:
        images, labels = pixels(idx(args.idx[0])), torch.from_numpy(np.array(idx(args.idx[1]))).long()
    return images[: args.first], labels[: args.first]


def load_model(args, image):
    weights = load_file(args.weights)
    if "encoder.block1.conv.weight" in weights:
        blocks = sum(name.startswith("encoder.block") and name.endswith(".conv.weight") for name in weights)
        has = lambda name: f"encoder.block1.norm.{name}" in weights  # noqa: E731
        model = ConvNet(
            image,
            len(weights["classifier.weight"]),
            blocks=blocks,
            width=len(weights["encoder.block1.conv.weight"]),
            norm="batch" if has("running_mean") else "instance" if has("weight") else "none",
            padding=args.padding,
            pool_last=args.pool_last,
        )
    elif "layer1.0.bn1.weight" in weights and "bn.weight" in weights:
        model = PreActResNet18(image, len(weights["linear.weight"]), width=len(weights["conv1.weight"]))
    else:
        sys.exit(f"{args.weights}: the names are neither convnet's nor preact_resnet18's")
    model.load_state_dict(weights)
    if args.mean:
        model = Normalized(model, args.mean, args.std)
    return model.eval()


def evaluate(model, attack, images, labels, size=100):
    """0 or 1 for each image: classified correctly as it is; and also as attacked."""
    clean, robust = [], []
    for x, y in zip(images.split(size), labels.split(size)):
        with torch.no_grad():
            right = model(x).argmax(1) == y
        adversarial = attack(x, y)
        with torch.no_grad():
            withstood = right & (model(adversarial).argmax(1) == y)
        clean += right.int().tolist()
        robust += withstood.int().tolist()
    return clean, robust


def compare(name, ours, theirs):
    """`ours`: PyTorch's list; `theirs`: fsched's file."""
    with open(theirs) as file:
        found = [int(value) for value in json.load(file)][: len(ours)]
    if len(found) != len(ours):
        sys.exit(f"{theirs} holds {len(found)} values for {len(ours)} images")
    points = 100 * (sum(found) - sum(ours)) / len(ours)
    differ = [i for i, (a, b) in enumerate(zip(ours, found)) if a != b]
    return {f"{name}_fsched": sum(found) / len(found), f"{name}_points": points, f"{name}_differ": differ}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--idx", nargs=2, metavar=("IMAGES", "LABELS"))
    source.add_argument("--npy", nargs=2, metavar=("IMAGES", "LABELS"))
    source.add_argument("--safetensors")
    parser.add_argument("--first", type=int, default=500, help="images that are used (500)")
    number = lambda text: float(Fraction(text))  # noqa: E731
    parser.add_argument("--norm", choices=["linf", "l2"], default="linf")
    parser.add_argument("--eps", type=number, required=True, help="0.1 or 8/255")
    parser.add_argument("--step", type=number, help="2.5 * eps / iters if left out, as in fsched")
    parser.add_argument("--iters", type=int, default=20)
    parser.add_argument("--random-start", action="store_true")
    parser.add_argument("--padding", type=int, default=1)
    parser.add_argument("--no-pool-last", dest="pool_last", action="store_false")
    parser.add_argument("--mean", type=float, nargs="+")
    parser.add_argument("--std", type=float, nargs="+")
    parser.add_argument("--clean", help="fsched's per-example list")
    parser.add_argument("--robust", help="fsched's per-example list")
    parser.add_argument("--points", type=float, default=0.3)
    parser.add_argument("--out", help="JSON file for the per-image lists")
    args = parser.parse_args()

    torch.manual_seed(0)
    images, labels = load_images(args)
    model = load_model(args, list(images.shape[1:]))
    kind = torchattacks.PGD if args.norm == "linf" else torchattacks.PGDL2
    step = args.step or 2.5 * args.eps / args.iters
    attack = kind(model, eps=args.eps, alpha=step, steps=args.iters, random_start=args.random_start)
    clean, robust = evaluate(model, attack, images, labels)
    result = {"images": len(labels), "clean": sum(clean) / len(clean), "robust": sum(robust) / len(robust)}
    if args.clean:
        result |= compare("clean", clean, args.clean)
    if args.robust:
        result |= compare("robust", robust, args.robust)
    print(json.dumps(result))
    if args.out:
        with open(args.out, "w") as file:
            json.dump({"clean": clean, "robust": robust}, file)
    if result.get("clean_differ") or abs(result.get("robust_points", 0)) > args.points:
        sys.exit(1)


if __name__ == "__main__":
    main()
