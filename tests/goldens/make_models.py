"""Goldens for the models: logits, gradients and running statistics of small networks, names and counts of full ones.

Run with PyTorch 2.x: `python tests/goldens/make_models.py`; writes models.json and convnet.safetensors beside itself.
The definitions follow the usual public ones: ResNet-18 for CIFAR (github.com/kuangliu/pytorch-cifar), PreActResNet-18 with
a last norm (github.com/locuslab/robust_overfitting), WideResNet (github.com/yaodongyu/TRADES). Weights and images come
from a formula, so that none need be stored; the sums are formed in f64, so the goldens carry no rounding of their own.
"""
import hashlib
import json
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


def pattern(count, seed):
    """Numbers in [-1, 1] that look random; as `nn::check::pattern`."""
    mask = (1 << 64) - 1
    state = (seed * 0x9E3779B97F4A7C15 + 1) & mask
    out = []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        out.append((state >> 11) / (1 << 52) - 1.0)
    return torch.tensor(out, dtype=torch.float64)


class Mlp(nn.Module):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        widths = [inputs, *hidden, classes]
        self.count = len(widths) - 1
        for i in range(self.count):
            setattr(self, f"fc{i + 1}", nn.Linear(widths[i], widths[i + 1]))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(1, self.count):
            x = F.relu(getattr(self, f"fc{i}")(x))
        return getattr(self, f"fc{self.count}")(x)


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs, norm, padding, pool):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=padding)
        if norm == "batch":
            self.norm = nn.BatchNorm2d(outputs)
        elif norm == "instance":
            self.norm = nn.InstanceNorm2d(outputs, affine=True)
        else:
            self.norm = None
        self.pool = pool

    def forward(self, x):
        x = self.conv(x)
        x = F.relu(x if self.norm is None else self.norm(x))
        return F.max_pool2d(x, 2) if self.pool else x


class ConvNet(nn.Module):
    def __init__(self, image, classes, blocks=3, width=32, norm="batch", padding=1, pool_last=True):
        super().__init__()
        self.encoder = nn.Sequential()
        for i in range(blocks):
            inputs = image[0] if i == 0 else width
            pool = pool_last or i < blocks - 1
            self.encoder.add_module(f"block{i + 1}", ConvBlock(inputs, width, norm, padding, pool))
        was = self.training
        features = self.eval().encoder(torch.zeros(1, *image)).numel()
        self.train(was)
        self.classifier = nn.Linear(features, classes)

    def forward(self, x):
        return self.classifier(self.encoder(x).flatten(1))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class PreActBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        out = self.conv1(out)
        return self.conv2(F.relu(self.bn2(out))) + shortcut


def stages(block, width):
    inputs = width
    for i in range(4):
        outputs = width << i
        yield nn.Sequential(block(inputs, outputs, 1 if i == 0 else 2), block(outputs, outputs, 1))
        inputs = outputs


class ResNet18(nn.Module):
    def __init__(self, image, classes, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(image[0], width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(BasicBlock, width)
        self.linear = nn.Linear(width * 8, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.linear(x.mean((2, 3)))


class PreActResNet18(nn.Module):
    def __init__(self, image, classes, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(image[0], width, 3, 1, 1, bias=False)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(PreActBlock, width)
        self.bn = nn.BatchNorm2d(width * 8)
        self.linear = nn.Linear(width * 8, classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        return self.linear(F.relu(self.bn(x)).mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.equal = inputs == outputs
        self.convShortcut = None if self.equal else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        h = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(h))))
        return (x if self.equal else self.convShortcut(h)) + out


class WideStage(nn.Module):
    def __init__(self, blocks, inputs, outputs, stride):
        super().__init__()
        made = [WideBlock(inputs if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(blocks)]
        self.layer = nn.Sequential(*made)

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, image, classes, depth=34, widen=10):
        super().__init__()
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(image[0], 16, 3, 1, 1, bias=False)
        self.block1 = WideStage(blocks, 16, 16 * widen, 1)
        self.block2 = WideStage(blocks, 16 * widen, 32 * widen, 2)
        self.block3 = WideStage(blocks, 32 * widen, 64 * widen, 2)
        self.bn1 = nn.BatchNorm2d(64 * widen)
        self.fc = nn.Linear(64 * widen, classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Normalized(nn.Module):
    """Normalization as the first layer; the names stay those of the model within."""

    def __init__(self, model, mean, std):
        super().__init__()
        self.model = model
        self.mean, self.std = mean, std

    def forward(self, x):
        shape = (1, -1, 1, 1)
        return self.model((x - torch.tensor(self.mean).to(x).view(shape)) / torch.tensor(self.std).to(x).view(shape))


def sequential():
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        Residual(
            [nn.Conv2d(6, 8, 3, stride=2, padding=1, bias=False), nn.InstanceNorm2d(8, affine=True), nn.ReLU(), nn.Conv2d(8, 8, 1)],
            [nn.AvgPool2d(2), nn.Conv2d(6, 8, 1)],
        ),
        nn.ReLU(),
        nn.Conv2d(8, 5, 2, stride=1, padding=0),
        Residual([nn.Conv2d(5, 5, 5, padding=2)], []),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        nn.Linear(20, 7),
        nn.ReLU(),
        nn.Linear(7, 4),
    )


SMALL = {
    "mlp": ([1, 6, 5], 3, lambda image, classes: Mlp(math.prod(image), [7, 5], classes)),
    "convnet_batch": ([2, 12, 13], 4, lambda i, c: ConvNet(i, c, blocks=3, width=5)),
    "convnet_instance": ([1, 13, 12], 3, lambda i, c: ConvNet(i, c, blocks=2, width=6, norm="instance", padding=0)),
    "convnet_none": ([3, 9, 9], 4, lambda i, c: ConvNet(i, c, blocks=2, width=4, norm="none", pool_last=False)),
    "resnet18": ([3, 16, 16], 5, lambda i, c: ResNet18(i, c, width=4)),
    "preact_resnet18": ([1, 20, 20], 4, lambda i, c: PreActResNet18(i, c, width=4)),
    "wide_resnet": ([3, 12, 12], 3, lambda i, c: WideResNet(i, c, depth=10, widen=1)),
    "sequential": ([2, 12, 12], 4, lambda i, c: sequential()),
}
NORMALIZED = {"wide_resnet": ([0.5, 0.4, 0.3], [0.25, 0.2, 0.3])}
FULL = {
    "mlp": Mlp(784, [256, 128], 10),
    "convnet": ConvNet([1, 28, 28], 10),
    "resnet18": ResNet18([3, 32, 32], 10),
    "preact_resnet18": PreActResNet18([3, 32, 32], 10),
    "wide_resnet": WideResNet([3, 32, 32], 10),
}


def fill(model):
    """Weights by formula: seed = place among all parameters, then among all running statistics."""
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            numbers = pattern(p.numel(), i).view(p.shape)
            if p.dim() > 1:
                p.copy_(numbers * math.sqrt(6 / p[0].numel()))
            else:
                p.copy_(numbers * 0.3)
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)):
                module.weight += 1
        for i, (name, b) in enumerate(model.named_buffers()):
            if name.endswith("running_mean"):
                b.copy_(pattern(b.numel(), 1000 + i) * 0.2)
            elif name.endswith("running_var"):
                b.copy_(1 + pattern(b.numel(), 1000 + i) * 0.5)
    # Weights are f32 here as there; only the sums are f64.
    return model.float().double()


def number(x):
    return float(f"{x:.9g}")


def numbers(t):
    return [number(x) for x in t.detach().flatten().tolist()]


def summary(t, seed):
    """Norm, projection on a pattern, and five entries spread over the tensor."""
    flat = t.detach().flatten()
    places = [i * (flat.numel() - 1) // 4 for i in range(5)]
    return [number(x) for x in [flat.norm().item(), flat.dot(pattern(flat.numel(), seed)).item(), *flat[places].tolist()]]


def lines(model):
    return [f"{name} {list(t.shape)}" for name, t in model.state_dict().items()]


def passes(name, image, classes, model):
    x = ((pattern(5 * math.prod(image), 77).view(5, *image) + 1) / 2).float().double().requires_grad_()
    labels = torch.arange(5) % classes
    run = Normalized(model, *NORMALIZED[name]) if name in NORMALIZED else model
    result = {}
    for mode in ["eval", "train"]:
        model.train(mode == "train")
        logits = run(x)
        loss = F.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, [x, *model.parameters()])
        result[mode] = {
            "logits": numbers(logits),
            "loss": number(loss.item()),
            "input": summary(gradients[0], 500),
            "gradients": [summary(g, i) for i, g in enumerate(gradients[1:])],
        }
    run((x * 0.5).float().double())
    result["running"] = {n: numbers(b) for n, b in model.named_buffers()}
    return result


def main():
    golden = {"small": {}, "full": {}}
    for name, (image, classes, make) in SMALL.items():
        model = fill(make(image, classes))
        if name == "convnet_batch":
            from safetensors.torch import save_file

            single = {n: t.float() if t.is_floating_point() else t for n, t in model.state_dict().items()}
            save_file(single, HERE / "convnet.safetensors", metadata={"format": "pt"})
        golden["small"][name] = {"state_dict": lines(model), **passes(name, image, classes, model)}
    for name, model in FULL.items():
        text = "".join(line + "\n" for line in lines(model))
        count = sum(p.numel() for p in model.parameters())
        golden["full"][name] = {"parameters": count, "state_dict_sha256": hashlib.sha256(text.encode()).hexdigest()}
    (HERE / "models.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
