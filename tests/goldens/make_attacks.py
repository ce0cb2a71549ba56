#!/usr/bin/env python3
"""Makes attacks.safetensors: adversarial images that torchattacks computes for a small convnet.

    python tests/goldens/make_attacks.py tests/goldens/attacks.safetensors

Needs torch, torchattacks 3.5.1 (which needs scipy) and safetensors. The network is `convnet(blocks: 2, width: 6)` of
1x12x12 images and 4 classes in fsched's (PyTorch's) names. No attack here has a random start: generators of two
programs cannot agree on one.

An iterated attack takes the sign of each pixel's gradient, so where a gradient is tiny but not zero two correct
programs may step apart. The images are therefore chosen: only those are kept whose smallest gradient, in every
iteration of every attack, is either exactly zero or above 1e-4 of the image's largest.
"""

import sys

import torch
import torchattacks
from safetensors.torch import save_file
from torch import nn

KEPT = 8
TRAIN_BATCH = 8


def block(channels, width):
    return nn.ModuleDict(
        {"conv": nn.Conv2d(channels, width, 3, padding=1), "norm": nn.BatchNorm2d(width)}
    )


class ConvNet(nn.Module):
    def __init__(self, channels=1, size=12, width=6, classes=4):
        super().__init__()
        self.encoder = nn.ModuleDict({"block1": block(channels, width), "block2": block(width, width)})
        self.classifier = nn.Linear(width * (size // 4) ** 2, classes)

    def forward(self, x):
        for name in ("block1", "block2"):
            b = self.encoder[name]
            x = nn.functional.max_pool2d(torch.relu(b["norm"](b["conv"](x))), 2)
        return self.classifier(x.flatten(1))


def smallest_gradients(attack, images, labels):
    """Per image, the smallest non-zero |gradient| relative to the largest, over all iterations of `attack`."""
    seen = torch.ones(len(images))
    original = torch.autograd.grad

    def grad(*args, **kwargs):
        (g,) = original(*args, **kwargs)
        sizes = g.abs().flatten(1)
        relative = sizes / sizes.max(dim=1, keepdim=True).values
        relative[sizes == 0] = 1
        seen.copy_(torch.minimum(seen, relative.min(dim=1).values))
        return (g,)

    torch.autograd.grad = grad
    try:
        adversarial = attack(images, labels)
    finally:
        torch.autograd.grad = original
    return seen, adversarial


def main(path):
    torch.manual_seed(7)
    torch.set_num_threads(1)
    model = ConvNet()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    model.eval()

    images = torch.rand(4000, 1, 12, 12)
    # A tenth of the pixels at the ends of the range, where clamping acts.
    images[torch.rand_like(images) < 0.05] = 0.0
    images[torch.rand_like(images) < 0.05] = 1.0
    with torch.no_grad():
        labels = model(images).argmax(1)
    # A quarter of the labels are wrong on purpose.
    labels = torch.where(torch.rand(len(labels)) < 0.25, (labels + 1) % 4, labels)

    attacks = {
        "fgsm": torchattacks.FGSM(model, eps=4 / 255),
        "linf": torchattacks.PGD(model, eps=0.04, alpha=0.01, steps=10, random_start=False),
        "l2": torchattacks.PGDL2(model, eps=0.3, alpha=0.06, steps=10, random_start=False),
    }
    safe = torch.ones(len(images))
    for name, attack in attacks.items():
        if name != "l2":  # l2 steps are continuous in the gradient
            safe = torch.minimum(safe, smallest_gradients(attack, images, labels)[0])
    survive = model(attacks["linf"](images, labels)).argmax(1) == labels
    # As many that withstand the attack as not.
    kept = torch.cat([(survive & (safe > 1e-4)).nonzero()[: KEPT // 2], (~survive & (safe > 1e-4)).nonzero()[: KEPT // 2]])
    kept = kept.flatten()
    assert len(kept) == KEPT, f"only {len(kept)} of {len(images)} images have clear gradients"
    images, labels = images[kept].clone(), labels[kept].clone()

    fixture = {f"weights.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    fixture.update(images=images, labels=labels.int())
    with torch.no_grad():
        fixture["losses"] = nn.functional.cross_entropy(model(images), labels, reduction="none")
        fixture["predicted"] = model(images).argmax(1).int()
    for name, attack in attacks.items():
        adversarial = attack(images, labels)
        fixture[f"{name}.images"] = adversarial
        with torch.no_grad():
            fixture[f"{name}.predicted"] = model(adversarial).argmax(1).int()
    train_mode(model, fixture)
    save_file({name: tensor.contiguous() for name, tensor in fixture.items()}, path)
    for name in attacks:
        survive = (fixture[f"{name}.predicted"] == labels).sum().item()
        print(f"{name}: {survive} of {KEPT} survive")
    print("clean:", (model(images).argmax(1) == labels).sum().item(), "of", KEPT)


def train_mode(model, fixture):
    """PGD crafted with batch statistics: a whole batch at once, so whole batches are tried until one is clear."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    attack = torchattacks.PGD(model, eps=0.1, alpha=0.025, steps=5, random_start=False)
    attack.set_model_training_mode(model_training=True, batchnorm_training=True)
    for _ in range(20000):
        images = torch.rand(TRAIN_BATCH, 1, 12, 12)
        labels = torch.randint(4, (TRAIN_BATCH,))
        smallest, adversarial = smallest_gradients(attack, images, labels)
        model.load_state_dict(state)  # torchattacks lets the running statistics move; they play no part here
        if smallest.min() > 2e-5:
            fixture.update({"train.images": images, "train.labels": labels.int(), "train.adversarial": adversarial})
            training_pass(model, fixture, adversarial, labels)
            model.load_state_dict(state)
            model.eval()
            return
    sys.exit("no batch with clear gradients was found")


def training_pass(model, fixture, adversarial, labels):
    """Loss and gradients of adversarial training on those images, with label smoothing 0.1."""
    model.train()
    model.zero_grad()
    logits = model(adversarial)
    loss = nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    loss.backward()
    fixture["train.loss"] = loss.detach()
    fixture["train.correct"] = (logits.argmax(1) == labels).sum().int()
    for name, parameter in model.named_parameters():
        fixture[f"train.gradients.{name}"] = parameter.grad.clone()


if __name__ == "__main__":
    main(sys.argv[1])
