"""Reference values for the regularizers of adapters. Writes regularizers.safetensors beside this file.

Layers of these sizes with factors at random, two earlier tasks and a present one. RegLoRA as its paper and code are described:
indices of the largest |b a| per layer by torch.topk, kept from task to task with duplicates; the loss of the present factors is
2500 times the mean over layers of the mean amount at them. O-LoRA: amounts of a_old a_newᵀ, and norms. All in f64, gradients by
autograd. Needs torch.

Usage: python tests/goldens/make_regularizers.py
"""

import pathlib

import torch
from safetensors.torch import save_file

torch.manual_seed(5)
SIZES, RANK, SHARE = {"fc1": (24, 144), "fc2": (10, 24)}, 3, 0.05
tensors, elements = {}, {name: [] for name in SIZES}

tasks = []
for task in range(3):
    factors = {}
    for name, (outputs, inputs) in SIZES.items():
        # Integers, so that products are exact and no two amounts are nearly equal by rounding alone.
        a = torch.randint(-9, 10, (RANK, inputs)).double() / 16
        b = torch.randint(-9, 10, (outputs, RANK)).double() / 16
        factors[name] = (a, b)
        tensors[f"{task}.{name}.a"], tensors[f"{task}.{name}.b"] = a.float(), b.float()
    tasks.append(factors)

for task, factors in enumerate(tasks[:2]):
    for name, (a, b) in factors.items():
        size = (b @ a).abs().flatten()
        count = int(SHARE * size.numel())
        # Of equal amounts the first are taken.
        order = torch.sort(-size, stable=True).indices[:count]
        elements[name] += order.tolist()

now = {name: (a.clone().requires_grad_(), b.clone().requires_grad_()) for name, (a, b) in tasks[2].items()}
for kind in ("keep", "unique"):
    loss = 0.0
    for name, (a, b) in now.items():
        places = torch.tensor(sorted(elements[name] if kind == "keep" else set(elements[name])))
        tensors[f"{kind}.{name}.places"] = places
        loss = loss + (b @ a).flatten()[places].abs().mean()
    loss = 2500 * loss / len(now)
    gradients = torch.autograd.grad(loss, [x for pair in now.values() for x in pair])
    tensors[f"{kind}.loss"] = loss.detach().reshape(1)
    for (name, which), gradient in zip([(n, w) for n in now for w in "ab"], gradients):
        tensors[f"{kind}.{name}.d{which}"] = gradient

loss = 0.0
for name, (a, b) in now.items():
    for factors in tasks[:2]:
        loss = loss + 0.5 * (factors[name][0] @ a.T).abs().sum()
    loss = loss + 0.1 * (a.norm() + b.norm())
gradients = torch.autograd.grad(loss, [x for pair in now.values() for x in pair])
tensors["orthogonal.loss"] = loss.detach().reshape(1)
for (name, which), gradient in zip([(n, w) for n in now for w in "ab"], gradients):
    tensors[f"orthogonal.{name}.d{which}"] = gradient
save_file({k: v.contiguous() for k, v in tensors.items()}, pathlib.Path(__file__).parent / "regularizers.safetensors")
print(torch.__version__)
