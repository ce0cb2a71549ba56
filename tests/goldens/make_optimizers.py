"""Goldens for optimizers and schedules.

Run with PyTorch 2.x: `python tests/goldens/make_optimizers.py`; writes optimizers.json beside itself.
Weights and gradients come from a formula, so only the weights after 20 steps are stored.
"""
import json
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
STEPS = 20
SHAPES = [(3, 4), (3,), (2, 3), (2,)]  # mlp(hidden: [3]) on 1x2x2 images of two classes


def pattern(count, seed):
    """Numbers in [-1, 1] that look random; as `nn::check::pattern`."""
    mask = (1 << 64) - 1
    state = (seed * 0x9E3779B97F4A7C15 + 1) & mask
    out = []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        out.append((state >> 11) / (1 << 52) - 1.0)
    return torch.tensor(out, dtype=torch.float64)


def tensor(shape, seed):
    return pattern(torch.Size(shape).numel(), seed).view(shape).float()


def run(make, clip=None, decoupled=0.0):
    """20 steps at lr · 1/(1 + t/10); the first weight has no gradient in every third step."""
    weights = [torch.nn.Parameter(tensor(shape, i)) for i, shape in enumerate(SHAPES)]
    optimizer = make(weights)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / 10))
    for t in range(STEPS):
        for i, weight in enumerate(weights):
            weight.grad = None if i == 0 and t % 3 == 2 else tensor(weight.shape, 100 + 10 * t + i)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        if decoupled:
            with torch.no_grad():
                for weight in weights:
                    if weight.grad is not None:
                        weight.mul_(1 - optimizer.param_groups[0]["lr"] * decoupled)
        optimizer.step()
        schedule.step()
    return [weight.detach().flatten().tolist() for weight in weights]


def optimizers():
    optim = torch.optim
    sgd = lambda **k: lambda w: optim.SGD(w, lr=0.1, **k)
    return {
        "plain": run(sgd()),
        "momentum": run(sgd(momentum=0.9)),
        "momentum_decay": run(sgd(momentum=0.9, weight_decay=0.05)),
        "nesterov": run(sgd(momentum=0.8, nesterov=True, weight_decay=0.01)),
        "decoupled": run(sgd(momentum=0.9), decoupled=0.2),
        "clip": run(sgd(momentum=0.9, weight_decay=0.05), clip=0.7),
        "clip_wide": run(sgd(), clip=100.0),
        "adam": run(lambda w: optim.Adam(w, lr=0.02)),
        "adam_decay": run(lambda w: optim.Adam(w, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1)),
        "adamw": run(lambda w: optim.AdamW(w, lr=0.02, weight_decay=0.3)),
        "adamw_clip": run(lambda w: optim.AdamW(w, lr=0.02, weight_decay=0.0), clip=0.5),
    }


def factors(make, total):
    """The factors that PyTorch's scheduler gives to a base learning rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    out = []
    for _ in range(total):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return out


def schedules():
    lr = torch.optim.lr_scheduler
    warmup = lambda o, steps: lr.LinearLR(o, 1 / steps, 1.0, steps - 1)
    cosine = lambda o, steps, to: lr.CosineAnnealingLR(o, steps, eta_min=to)
    return {
        "cosine": factors(lambda o: cosine(o, 40, 0.0), 40),
        "cosine_to": factors(lambda o: cosine(o, 33, 0.1), 33),
        "drop": factors(lambda o: lr.MultiStepLR(o, [20, 30], 0.1), 40),
        "drop_odd": factors(lambda o: lr.MultiStepLR(o, [3, 17, 25], 0.5), 33),
        "warmup": factors(lambda o: warmup(o, 8), 40),
        "warmup_cosine": factors(lambda o: lr.SequentialLR(o, [warmup(o, 4), cosine(o, 36, 0.0)], [4]), 40),
    }


golden = {"optimizers": optimizers(), "schedules": schedules()}
(HERE / "optimizers.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
