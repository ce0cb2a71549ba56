#!/usr/bin/env python3
"""Makes forgetting.json: which weights PyTorch ranks first, and the hashes of those masks.

    python tests/goldens/make_forgetting.py tests/goldens/attacks.safetensors tests/goldens/forgetting.json

Needs torch and safetensors. The network and images are those of attacks.safetensors (make_attacks.py). Saliency is
SNIP's |g * w| with the gradients of two train-mode batches (images 0-3 and 4-7, mean cross-entropy each) summed.
Of equal scores the lower index goes first: stable sorts.

KELS keeps the first ceil(rate * outputs) x ceil(rate * inputs) channels of each tensor, rate = 1 - share: a mask made as
knowledge evolution makes it (Taha et al. 2021, arXiv 2103.05152), the first convolution keeps all inputs and the last linear
layer all outputs. The spreads of Kaiming's draws are those of torch.nn.init on the same shapes.
"""

import hashlib
import json
import math
import sys
from fractions import Fraction

import torch
from make_attacks import ConvNet
from safetensors.torch import load_file

SELECTED = ["encoder.block2.conv.weight", "encoder.block2.norm.weight", "classifier.weight"]


def lowest(scores, share, computed=False):
    k = int(share * 1000 + 0.5) * scores.numel() // 1000
    ordered = torch.sort(scores.flatten(), stable=True)
    if computed and 0 < k < scores.numel():
        below, above = ordered.values[k - 1].item(), ordered.values[k].item()
        assert above - below > 1e-5 * abs(above), "another program's rounding could choose differently"
    return sorted(ordered.indices[:k].tolist())


def entry(indices):
    data = b"".join(i.to_bytes(8, "little") for i in indices)
    return {"count": len(indices), "sha256": hashlib.sha256(data).hexdigest(), "first": indices[:5]}


def kels(name, weight, share):
    """Indices of what is forgotten."""
    rate = 1 - share
    mask = torch.zeros(weight.shape)
    outputs = math.ceil(rate * weight.shape[0])
    inputs = math.ceil(rate * weight.shape[1]) if weight.dim() > 1 else None
    if name == "encoder.block1.conv.weight":
        mask[:outputs] = 1
    elif name == "classifier.weight":
        mask[:, :inputs] = 1
    elif name == "classifier.bias":
        mask[:] = 1
    elif weight.dim() == 1:
        mask[:outputs] = 1
    else:
        mask[:outputs, :inputs] = 1
    return torch.nonzero(mask.flatten() == 0).flatten().tolist()


def spread(weight, a, fan):
    """Bound of torch's uniform draw and standard deviation of its normal one."""
    count = torch.nn.init._calculate_correct_fan(weight, fan)
    std = torch.nn.init.calculate_gain("leaky_relu", a) / math.sqrt(count)
    return {"bound": math.sqrt(3.0) * std, "std": std}


def main(fixture, path):
    fixture = load_file(fixture)
    model = ConvNet()
    model.load_state_dict({n[8:]: t for n, t in fixture.items() if n.startswith("weights.")})
    model.train()
    for part in (slice(0, 4), slice(4, 8)):
        logits = model(fixture["images"][part])
        torch.nn.functional.cross_entropy(logits, fixture["labels"][part].long()).backward()
    weights = {name: p for name, p in model.named_parameters() if name in SELECTED}
    size = {name: p.detach().abs() for name, p in weights.items()}
    saliency = {name: (p.grad * p.detach()).abs() for name, p in weights.items()}
    out = {}
    for name in SELECTED:
        rows = size[name].double().flatten(1).mean(1) if size[name].dim() > 1 else size[name]
        out[name] = {
            "smallest 30%": entry(lowest(size[name], 0.3)),
            "largest 12.5%": entry(lowest(-size[name], 0.125)),
            "saliency lowest 20%": entry(lowest(saliency[name], 0.2, computed=True)),
            "saliency highest 20%": entry(lowest(-saliency[name], 0.2, computed=True)),
            "smallest channels 50%": lowest(rows.float(), 0.5, computed=True),
        }
    together = torch.cat([size[name].flatten() for name in SELECTED])
    out["overall"] = {"smallest 30%": entry(lowest(together, 0.3))}
    parameters = dict(model.named_parameters())
    out["kels"] = {
        str(percent): {name: entry(kels(name, p, Fraction(percent, 100))) for name, p in parameters.items()}
        for percent in (20, 30, 50)
    }
    out["kaiming"] = {
        name: {f"{a:.3f} fan_{fan}": spread(parameters[name], a, f"fan_{fan}") for a in (0, 5**0.5) for fan in ("in", "out")}
        for name in ("encoder.block2.conv.weight", "classifier.weight")
    }
    with open(path, "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
