"""Reference values for the operations of src/nn/ops from PyTorch. Writes nn.safetensors and nn.json beside this file.

Each case gives an operation, its options, inputs, output `y`, a gradient `dy` of the output and the gradients of the
inputs. Inputs are f32; PyTorch computes in f64, so the references are exact to f32. torch and numpy are needed.

Usage: python tests/goldens/make_nn.py
"""

import json
import os
import struct

import torch
import torch.nn.functional as F

torch.manual_seed(20)
tensors, cases = {}, []


def save(name, tensor):
    tensors[name] = tensor.detach().to(torch.float32).contiguous()


def case(name, op, f, inputs, extra=None, **options):
    """`inputs`: name to f32 tensor, gradients are recorded for all; `extra`: tensors stored without gradient."""
    for key, tensor in inputs.items():
        save(f"{name}.{key}", tensor)
    for key, tensor in (extra or {}).items():
        save(f"{name}.{key}", tensor)
    leaves = {key: tensor.double().requires_grad_() for key, tensor in inputs.items()}
    y = f(*leaves.values())
    dy = torch.randn(y.shape)
    save(f"{name}.y", y)
    save(f"{name}.dy", dy)
    y.backward(dy.double())
    for key, leaf in leaves.items():
        save(f"{name}.d{key}", leaf.grad)
    cases.append({"name": name, "op": op, "inputs": list(inputs), **options})


def conv(name, x, w, bias, stride, padding):
    inputs = {"x": torch.randn(x), "w": torch.randn(w) / w[1]}
    if bias:
        inputs["b"] = torch.randn(w[0])
    f = lambda x, w, b=None: F.conv2d(x, w, b, stride, padding)
    case(name, "conv2d", f, inputs, stride=stride, padding=padding)


conv("conv_3x3", (3, 3, 9, 7), (5, 3, 3, 3), True, 1, 1)
conv("conv_stride_2", (2, 4, 8, 8), (6, 4, 3, 3), False, 2, 1)
conv("conv_1x1_stride_2", (2, 4, 8, 8), (6, 4, 1, 1), False, 2, 0)
conv("conv_1x1", (2, 5, 4, 4), (3, 5, 1, 1), True, 1, 0)
conv("conv_1x1_odd", (3, 2, 3, 5), (4, 2, 1, 1), True, 1, 0)
conv("conv_5x5", (2, 2, 11, 10), (4, 2, 5, 5), True, 2, 2)
conv("conv_many_samples", (19, 2, 4, 4), (3, 2, 3, 3), True, 1, 1)
conv("conv_3x2", (2, 3, 6, 5), (2, 3, 3, 2), False, 1, 0)
conv("conv_wide_padding", (1, 1, 2, 2), (2, 1, 3, 3), True, 3, 3)
conv("conv_deep", (1, 64, 4, 4), (2, 64, 3, 3), True, 1, 1)
conv("conv_one_output", (2, 3, 3, 3), (1, 3, 3, 3), True, 1, 0)

for name, n, features, outputs, bias in (
    ("linear", 5, 7, 3, True),
    ("linear_deep", 3, 600, 4, False),
    ("linear_rows", 70, 3, 2, True),
    ("linear_one", 1, 4, 1, True),
):
    inputs = {"x": torch.randn(n, features), "w": torch.randn(outputs, features)}
    if bias:
        inputs["b"] = torch.randn(outputs)
    case(name, "linear", lambda x, w, b=None: F.linear(x, w, b), inputs)

zeros = torch.randn(3, 7)
zeros[0, :3] = 0.0
zeros[1, 2] = -0.0
case("relu", "relu", F.relu, {"x": zeros})
case("add", "add", torch.add, {"x": torch.randn(2, 3, 2), "w": torch.randn(2, 3, 2)})
case("flatten", "flatten", lambda x: x.flatten(1), {"x": torch.randn(2, 3, 2, 2)})
case("global_avg_pool", "global_avg_pool", lambda x: x.mean((2, 3)), {"x": torch.randn(2, 3, 5, 3)})
case("sum", "sum", torch.sum, {"x": torch.randn(3, 4)})
case("mean", "mean", torch.mean, {"x": torch.randn(3, 4)})
scale, shift = torch.randn(3), torch.randn(3)
line = lambda x: x * scale.double()[:, None, None] + shift.double()[:, None, None]
case("affine_const", "affine_const", line, {"x": torch.randn(2, 3, 2, 3)}, {"scale": scale, "shift": shift})

ties = torch.randint(0, 3, (2, 2, 6, 7)).float()
for name, x, kernel, stride in (
    ("2x2", torch.randn(2, 2, 6, 6), 2, 2),
    ("odd", torch.randn(1, 2, 7, 5), 2, 2),
    ("overlap", torch.randn(1, 2, 7, 8), 3, 2),
    ("dense", torch.randn(1, 2, 4, 5), 2, 1),
    ("gaps", torch.randn(1, 1, 9, 9), 2, 3),
    ("ties", ties, 2, 2),
    ("overlap_ties", ties, 3, 2),
    ("constant", torch.ones(1, 1, 4, 4), 2, 2),
):
    options = {"kernel": kernel, "stride": stride}
    case(f"max_pool_{name}", "max_pool2d", lambda x: F.max_pool2d(x, kernel, stride), {"x": x}, **options)
    case(f"avg_pool_{name}", "avg_pool2d", lambda x: F.avg_pool2d(x, kernel, stride), {"x": x}, **options)


def norm_inputs(x, c):
    return {"x": x, "w": torch.randn(c) + 1, "b": torch.randn(c)}


for name, x in (
    ("4d", torch.randn(3, 2, 4, 5)),
    ("2d", torch.randn(6, 3)),
    ("offset", torch.randn(4, 2, 3, 3) + 20),
):
    c = x.shape[1]
    mean, var = torch.randn(c), torch.rand(c) + 0.5
    new_mean, new_var = mean.double(), var.double()
    f = lambda x, w, b: F.batch_norm(x, new_mean, new_var, w, b, True, 0.1, 1e-5)
    running = {"mean": mean, "var": var}
    case(f"batch_norm_train_{name}", "batch_norm", f, norm_inputs(x, c), running, train=True)
    save(f"batch_norm_train_{name}.new_mean", new_mean)
    save(f"batch_norm_train_{name}.new_var", new_var)
    f = lambda x, w, b: F.batch_norm(x, mean.double(), var.double(), w, b, False, 0.1, 1e-5)
    case(f"batch_norm_eval_{name}", "batch_norm", f, norm_inputs(x, c), running, train=False)

instance = lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-5)
case("instance_norm", "instance_norm", instance, norm_inputs(torch.randn(2, 3, 4, 3), 3))
for groups in (1, 2, 3, 6):
    f = lambda x, w, b: F.group_norm(x, groups, w, b, 1e-5)
    case(f"group_norm_{groups}", "group_norm", f, norm_inputs(torch.randn(2, 6, 3, 2), 6), groups=groups)
layer = lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b, 1e-5)
case("layer_norm", "layer_norm", layer, norm_inputs(torch.randn(2, 4, 21), 21))
case("layer_norm_rows", "layer_norm", layer, norm_inputs(torch.randn(70, 3), 3))

case("softmax", "softmax", lambda x: F.softmax(x, -1), {"x": torch.randn(2, 3, 5)})
case("softmax_large", "softmax", lambda x: F.softmax(x, -1), {"x": torch.randn(3, 5) * 100})
case("log_softmax", "log_softmax", lambda x: F.log_softmax(x, -1), {"x": torch.randn(2, 3, 5)})
case("log_softmax_large", "log_softmax", lambda x: F.log_softmax(x, -1), {"x": torch.randn(3, 5) * 100})
for reduction in ("mean", "sum", "none"):
    for smoothing in (0.0, 0.1):
        targets = torch.randint(0, 10, (6,))
        f = lambda x: F.cross_entropy(x, targets, label_smoothing=smoothing, reduction=reduction)
        options = {"targets": targets.tolist(), "smoothing": smoothing, "reduction": reduction}
        case(f"cross_entropy_{reduction}_{smoothing}", "cross_entropy", f, {"x": torch.randn(6, 10) * 4}, **options)


def write_safetensors(path):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


here = os.path.dirname(os.path.abspath(__file__))
write_safetensors(os.path.join(here, "nn.safetensors"))
with open(os.path.join(here, "nn.json"), "w") as file:
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    file.write(f'{{"torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n')
