#!/usr/bin/env python3
"""Makes forgetting.json: which weights PyTorch ranks first, and the hashes of those masks.

    python tests/goldens/make_forgetting.py tests/goldens/attacks.safetensors tests/goldens/forgetting.json

Needs torch and safetensors. The network and images are those of attacks.safetensors (make_attacks.py). Saliency is
SNIP's |g * w| with the gradients of two train-mode batches (images 0-3 and 4-7, mean cross-entropy each) summed.
Of equal scores the lower index goes first: stable sorts.
"""

import hashlib
import json
import sys

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
    with open(path, "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
