"""What is compared. A case is plain data that both sides read; `small` is a tiny one of its kind, which loads code."""

ATTACK = {"eps": 8 / 255, "step": 2 / 255, "iters": 10}
OPTIMIZER = {"lr": 0.01, "momentum": 0.9}


def images(letter, name, model, arguments, input, batch, small, targets):
    case = {
        "kind": "images",
        "model": model,
        "arguments": arguments,
        "input": input,
        "classes": 10,
        "batch": batch,
        "optimizer": OPTIMIZER,
        "attack": ATTACK,
    }
    works = ["step", "adversarial", "evaluate"]
    small = {**case, "arguments": {**arguments, **small}, "batch": 2}
    return {"letter": letter, "name": name, "case": case, "works": works, "small": small, "targets": targets}


def preact_resnet18(batch):
    targets = {"step": 0.50, "adversarial": 0.45, "memory": 0.8}
    name = f"PreActResNet-18, 32x32, batch {batch}"
    return images("a", name, "preact_resnet18", {"width": 64}, [3, 32, 32], batch, {"width": 4}, targets)


def convnet(blocks=4, width=64, batch=64):
    targets = {"step": 0.50, "adversarial": 0.45, "memory": 0.8}
    name = f"convnet, {blocks} blocks of {width}, 28x28, batch {batch}"
    arguments = {"blocks": blocks, "width": width}
    return images("b", name, "convnet", arguments, [1, 28, 28], batch, {"width": 4}, targets)


def mlp(batch=128):
    targets = {"step": 0.80, "adversarial": 0.80, "memory": 1.0}
    name = f"MLP 784-512-512-10, batch {batch}"
    return images("c", name, "mlp", {"hidden": [512, 512]}, [1, 28, 28], batch, {"hidden": [4, 4]}, targets)


def decoder(name, rank, targets):
    sizes = {"vocabulary": 1000, "width": 256, "layers": 6, "heads": 8, "kv_heads": 8, "middle": 688}
    case = {"kind": "decoder", **sizes, "rank": rank, "batch": 8, "length": 128, "lr": 0.01}
    small = {**case, "width": 16, "layers": 1, "middle": 16, "vocabulary": 8, "batch": 1, "length": 4}
    name = f"decoder of 6 layers of 256, 8 x 128 tokens, {name}"
    return {"letter": "d", "name": name, "case": case, "works": ["step"], "small": small, "targets": targets}


# Whole steps.
CASES = [
    preact_resnet18(64),
    preact_resnet18(128),
    convnet(),
    mlp(),
    decoder("all weights", 0, {"step": 0.85, "memory": 0.8}),
    decoder("updates of rank 8", 8, {"step": 0.70, "memory": 0.8}),
]

# How the step of (b) grows: what changes, and its cases.
GROWTH = {
    "batch": [convnet(batch=batch) for batch in (16, 32, 64, 128, 256)],
    "width": [convnet(width=width) for width in (16, 32, 64, 128)],
    "depth": [convnet(blocks=blocks) for blocks in (1, 2, 3, 4)],
}


def layer(letter, input, output, side, kernel=3, stride=1, batch=64):
    sizes = {"batch": batch, "input": input, "output": output, "side": side, "kernel": kernel, "stride": stride}
    name = f"{input} to {output} channels, {side}x{side}, {kernel}x{kernel}" + (f" / {stride}" if stride > 1 else "")
    works = ["forward", "input_gradient", "weight_gradient"]
    return {"letter": letter, "name": name, "case": {"kind": "layer", **sizes}, "works": works, "targets": {}}


# Each distinct convolution of (a) and (b), batch 64.
LAYERS = [
    layer("a", 3, 64, 32),
    layer("a", 64, 64, 32),
    layer("a", 64, 128, 32, stride=2),
    layer("a", 64, 128, 32, kernel=1, stride=2),
    layer("a", 128, 128, 16),
    layer("a", 128, 256, 16, stride=2),
    layer("a", 128, 256, 16, kernel=1, stride=2),
    layer("a", 256, 256, 8),
    layer("a", 256, 512, 8, stride=2),
    layer("a", 256, 512, 8, kernel=1, stride=2),
    layer("a", 512, 512, 4),
    layer("b", 1, 64, 28),
    layer("b", 64, 64, 14),
    layer("b", 64, 64, 7),
    layer("b", 64, 64, 3),
]
