"""PyTorch's errors against double precision beside ours, on the same numbers: max|error| / max|reference|.

Usage: cargo bench --bench errors > ours.jsonl && python benches/errors_torch.py ours.jsonl
"""

import json
import sys

import torch
import torch.nn.functional as F

LABELS = torch.tensor([i * 7 % 100 for i in range(256)])


def attention(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def conv(stride, padding):
    return lambda x, w, b: F.conv2d(x, w, b, stride=stride, padding=padding)


OPERATIONS = {
    "conv3x3": conv(1, 1),
    "conv3x3 stride 2": conv(2, 1),
    "conv3x3 first layer": conv(1, 1),
    "conv1x1": conv(1, 0),
    "linear": F.linear,
    "batch norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
    "instance norm": lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
    "group norm": lambda x, w, b: F.group_norm(x, 8, w, b),
    "layer norm": lambda x, w, b: F.layer_norm(x, w.shape, w, b),
    "rms norm": lambda x, w: F.rms_norm(x, w.shape, w, eps=1e-5),
    "softmax": lambda x: x.softmax(-1),
    "log softmax": lambda x: x.log_softmax(-1),
    "cross-entropy": lambda x: F.cross_entropy(x, LABELS),
    "attention": attention,
    "swiglu": lambda gate, up: F.silu(gate) * up,
    "max pool": lambda x: F.max_pool2d(x, 2),
    "average pool": lambda x: F.avg_pool2d(x, 2),
    "global average pool": lambda x: x.mean((2, 3)),
}


def numbers(shape, seed):
    mask = (1 << 64) - 1
    state = (seed * 0x9E3779B97F4A7C15 + 1) & mask
    count, found = torch.Size(shape).numel(), []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        found.append((state >> 40) / (1 << 23) - 1.0)
    return torch.tensor(found, dtype=torch.float32).reshape(shape)


def everything(operation, inputs, dtype):
    leaves = [x.detach().to(dtype).requires_grad_() for x in inputs]
    y = operation(*leaves)
    y.backward(numbers(y.shape, 99).to(dtype))
    return [y.detach(), *(x.grad for x in leaves)]


def error(found, reference):
    return ((found.double() - reference).abs().max() / reference.abs().max()).item()


print(f"torch {torch.__version__}: max|error| / max|reference|")
print("| operation | precision | part | fsched | PyTorch | ratio |\n|---|---|---|---|---|---|")
for line in open(sys.argv[1]):
    if not line.startswith("{"):
        continue
    ours = json.loads(line)
    operation = OPERATIONS[ours["operation"]]
    inputs = [numbers(shape, seed) for seed, shape in enumerate(ours["inputs"])]
    pairs = zip(everything(operation, inputs, torch.float32), everything(operation, inputs, torch.float64))
    for index, (found, reference) in enumerate(pairs):
        part = f"gradient {index}" if index else "output"
        mine, theirs = ours["errors"][part], error(found, reference)
        ratio = f"{mine / theirs:.2f}" if theirs else ("1" if mine == 0 else "–")
        print(f"| {ours['operation']} | {ours['precision']} | {part} | {mine:.1e} | {theirs:.1e} | {ratio} |")
