#!/usr/bin/env python3
"""Makes square_fab.safetensors: what pyautoattack's FAB and Square attacks do to the networks of a small convnet.

    python tests/goldens/make_square_fab.py

Needs torch 2.x, pyautoattack 0.2.0 and safetensors; writes beside itself. The network is `convnet(blocks: 2, width: 6)` of
2x10x10 images and 5 classes in fsched's (PyTorch's) names; a few steps of Adam teach it to tell noisy templates apart.

- `projection.*`: FAB's moves onto hyperplanes, and the projection onto the l1 ball within the box, of random vectors.
- `fab_t.*`, `fab.*`: without a random start, after 1 and 3 steps (the nearest wrong images so far) and after 100.
- `square.*`: the image where a search starts and where it is after 30 and 400 queries, each image by itself, on our own
  stream of random numbers: `torch.rand` hands out the numbers of stream (1, "square", [id, 7, 0]).
- `side.*`: the sides of the squares after each number of queries.
"""

import pathlib

import torch
from make_rng import Stream
from pyautoattack import fab_projections
from pyautoattack.autopgd_base import L1_projection
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
SHAPE, CLASSES, IMAGES = (2, 10, 10), 5, 8
EPS = {"Linf": 0.035, "L2": 0.3, "L1": 2.5}


def block(channels, width):
    return nn.ModuleDict({"conv": nn.Conv2d(channels, width, 3, padding=1), "norm": nn.BatchNorm2d(width)})


class ConvNet(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.encoder = nn.ModuleDict({"block1": block(SHAPE[0], width), "block2": block(width, width)})
        self.classifier = nn.Linear(width * 4, CLASSES)

    def forward(self, x):
        for name in ("block1", "block2"):
            b = self.encoder[name]
            x = nn.functional.max_pool2d(torch.relu(b["norm"](b["conv"](x))), 2)
        return self.classifier(x.flatten(1))


def trained():
    """The network, and images that it gets right, with their labels."""
    templates = torch.rand(CLASSES, *SHAPE)

    def batch(n):
        labels = torch.arange(n) % CLASSES
        return (templates[labels] * 0.4 + 0.3 + 0.25 * torch.randn(n, *SHAPE)).clamp(0, 1), labels

    model = ConvNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        images, labels = batch(50)
        loss = nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    images, labels = batch(200)
    right = (model(images).argmax(1) == labels).nonzero().flatten()[:IMAGES]
    return model, images[right].clone(), labels[right].clone()


def projections(fixture):
    for norm, project in [
        ("linf", fab_projections.projection_linf),
        ("l2", fab_projections.projection_l2),
        ("l1", fab_projections.projection_l1),
    ]:
        t = torch.rand(30, 37)
        t[torch.rand_like(t) < 0.1] = 0.0
        t[torch.rand_like(t) < 0.1] = 1.0
        w = torch.randn_like(t)
        w[torch.rand_like(w) < 0.1] = 0.0
        # A third near the point, a third farther off, a third out of the box's reach or nearly so.
        b = (w * t).sum(1) + torch.randn(30) * torch.tensor([0.3, 3.0, 12.0]).repeat(10)
        fixture |= {f"projection.{norm}.t": t, f"projection.{norm}.w": w, f"projection.{norm}.b": b}
        fixture[f"projection.{norm}.d"] = project(t, w, b)
    x = torch.rand(20, 37)
    y = torch.randn_like(x) * torch.tensor([0.05, 0.2, 0.6, 1.5]).repeat(5).unsqueeze(1)
    fixture |= {"ball.x": x, "ball.y": y, "ball.r": L1_projection(x, y, 3.0)}


def fab(model, images, labels, fixture):
    for targeted, name in [(True, "fab_t"), (False, "fab")]:
        for norm in EPS:
            make = lambda iters: FABAttack_PT(model, norm=norm, n_restarts=1, n_iter=iters, eps=EPS[norm], targeted=targeted, n_target_classes=CLASSES - 1)  # noqa: E731
            for iters in (1, 3):
                attack = make(iters)
                attack.target_class = 2
                near = attack.attack_single_run(images, labels, use_rand_start=False, is_targeted=targeted)
                # The image itself where nothing was found.
                fixture[f"{name}.{norm.lower()}.{iters}"] = near.detach()
            adversarial = make(100).perturb(images, labels)
            survive = model(adversarial).argmax(1) == labels
            fixture[f"{name}.{norm.lower()}.survive"] = survive.int()
            print(name, norm, survive.int().tolist())


class Replayed:
    """`torch.rand` from one of fsched's streams."""

    def __init__(self, id):
        self.stream = Stream(1, "square", [id, 7, 0])

    def __call__(self, shape):
        size = shape if isinstance(shape, (list, tuple, torch.Size)) else [shape]
        count = int(torch.tensor(size).prod())
        return torch.tensor([self.stream.uniform(0, 1) for _ in range(count)]).reshape(size)


def square(model, images, labels, fixture):
    original = torch.rand
    for norm in EPS:
        for loss in ("margin", "ce") if norm == "Linf" else ("margin",):
            for queries in (0, 30, 400):
                found = []
                for i in range(IMAGES):
                    attack = SquareAttack(model, norm=norm, n_queries=queries, eps=EPS[norm], loss=loss, resc_schedule=False)
                    attack.init_hyperparam(images)
                    torch.rand = Replayed(100 + i)
                    try:
                        found.append(attack.attack_single_run(images[i : i + 1], labels[i : i + 1])[1])
                    finally:
                        torch.rand = original
                fixture[f"square.{norm.lower()}.{loss}.{queries}"] = torch.cat(found).detach()
            survive = model(fixture[f"square.{norm.lower()}.{loss}.400"]).argmax(1) == labels
            fixture[f"square.{norm.lower()}.{loss}.survive"] = survive.int()
            print("square", norm, loss, survive.int().tolist())
    attack = SquareAttack(model, n_queries=10000, resc_schedule=False)
    share = [attack.p_selection(query) for query in range(10000)]
    fixture["share"] = torch.tensor(share, dtype=torch.float64)


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model, images, labels = trained()
    fixture = {f"weights.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    fixture |= {"images": images, "labels": labels.int()}
    projections(fixture)
    fab(model, images, labels, fixture)
    square(model, images, labels, fixture)
    fixture["share"] = fixture["share"][[0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6000, 6001, 8000, 8001, 9999]]
    save_file({name: tensor.contiguous().clone() for name, tensor in fixture.items()}, HERE / "square_fab.safetensors")


if __name__ == "__main__":
    main()
