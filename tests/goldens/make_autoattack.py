#!/usr/bin/env python3
"""Makes autoattack.safetensors: what pyautoattack's Auto-PGD and torchattacks' PGD with other losses find on a small convnet.

    python tests/goldens/make_autoattack.py tests/goldens/attacks.safetensors tests/goldens/autoattack.safetensors

Needs torch, pyautoattack 0.2.0, torchattacks 3.5.1 (which needs scipy) and safetensors. The network is that of
attacks.safetensors (make_attacks.py).

Generators of two programs cannot agree on a random start, so each ascent's start is written down: the first point that
the network is asked about. `few` are ascents of 6 steps, which check their steps' length after each; `many` are of 100
steps. Points are, by image, the first that the network gets wrong, else the one with the highest loss.

Iterated attacks take signs of gradients, largest gradients and comparisons of losses, so two correct programs may part
on an image. Each ascent is therefore done a second time in f64: images whose points then differ by more than 1e-6 in linf or l2
are not among those of `few`, and what is printed says on how many images the results agree. (Paths in l1 follow roundings:
how many pixels differ at all from the image's decides their steps.)
"""

import sys

import torch
import torchattacks
from make_attacks import ConvNet
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from safetensors.torch import load_file, save_file

BUDGETS = {"Linf": 0.012, "L2": 0.1, "L1": 0.6}
LOSSES = ("ce", "dlr", "t")
# With kappa, where there is one.
PGD_LOSSES = {"margin": 1e9, "cw": 0.2, "dlr": None}
FEW, MANY, KEPT, CANDIDATES = 6, 100, 8, 192


class Asked(torch.nn.Module):
    """The network, and the points that it was asked about."""

    def __init__(self, network):
        super().__init__()
        self.network, self.points = network, []

    def forward(self, x):
        self.points.append(x.detach().clone())
        return self.network(x)


def ascend(network, images, labels, norm, loss, iters, start=None, multi=False):
    """The reference's ascent; its start, points, which images it fooled, and its highest losses."""
    asked = Asked(network)
    settings = dict(n_iter=iters, norm=norm, eps=BUDGETS[norm], seed=0, device="cpu", use_largereps=multi)
    if loss == "t":
        attack = APGDAttack_targeted(asked, **settings)
        attack.y_target = network(images).sort(dim=1)[1][:, -2]
    else:
        attack = APGDAttack(asked, loss=loss, **settings)
    attack.init_hyperparam(images)
    drawn = torch.rand, torch.randn, torch.randn_like
    if start is not None:
        # In f64 the same draws as in f32: whatever is drawn is the way from the image to the start.
        torch.rand = torch.randn = lambda shape: (start - images).clone()
        torch.randn_like = lambda x: (start - images).clone()
    try:
        if multi:
            eps = BUDGETS[norm]
            iters = [-(-3 * iters // 10)] * 2
            iters.append(attack.n_iter_orig - sum(iters))
            best, right, losses, _ = attack.decr_eps_pgd(images, labels, [3 * eps, 2 * eps, eps], iters)
            decided = asked.points[sum(iters[:2]) + 2 :]
        else:
            x_init = None if norm == "L1" or start is None else start
            best, right, losses, _ = attack.attack_single_run(images, labels, x_init=x_init)
            decided = asked.points
    finally:
        torch.rand, torch.randn, torch.randn_like = drawn
    points = best.clone()
    for point in reversed(decided):
        wrong = network(point).argmax(1) != labels
        points[wrong] = point[wrong]
    return asked.points[0], points, right == 0, losses


def both(network, double, images, labels, *args, **more):
    """An ascent in f32, and where one in f64 does the same."""
    torch.manual_seed(3)
    start, points, fooled, losses = ascend(network, images, labels, *args, **more)
    with torch.no_grad():
        _, points64, fooled64, losses64 = ascend(
            double, images.double(), labels, *args, start=start.double(), **more
        )
    same = (points - points64).abs().flatten(1).amax(1) < 1e-6
    return start, points, fooled, losses, same, fooled == fooled64


def main(weights, path):
    torch.manual_seed(11)
    torch.set_num_threads(1)
    file = load_file(weights)
    networks = []
    for dtype in (torch.float32, torch.float64):
        network = ConvNet()
        network.load_state_dict({name[8:]: tensor for name, tensor in file.items() if name.startswith("weights.")})
        networks.append(network.eval().to(dtype).requires_grad_(False))
    network, double = networks

    # Values that f64 and f32 both have; a tenth of the pixels at the ends of the range.
    images = (torch.rand(CANDIDATES, 1, 12, 12) * 256).floor() / 256
    images[torch.rand_like(images) < 0.05] = 0.0
    images[torch.rand_like(images) < 0.05] = 1.0
    labels = network(images).argmax(1)
    kinds = [(norm, loss, False) for norm in BUDGETS for loss in LOSSES] + [("L1", loss, True) for loss in LOSSES]

    fixture = {}
    clear = torch.ones(CANDIDATES, dtype=torch.bool)
    for norm, loss, multi in kinds:
        if norm != "L1":
            clear &= both(network, double, images, labels, norm, loss, FEW)[4]
    for loss in PGD_LOSSES:
        points = [pgd(net, x, labels, loss) for net, x in ((network, images), (double, images.double()))]
        clear &= (points[0] - points[1]).abs().flatten(1).amax(1) < 1e-6
    # As many that withstand as not.
    fooled = both(network, double, images, labels, "Linf", "ce", FEW)[2]
    kept = torch.cat([(clear & fooled).nonzero()[: KEPT // 2], (clear & ~fooled).nonzero()[: KEPT // 2]]).flatten()
    assert len(kept) == KEPT, f"only {len(kept)} of {CANDIDATES} images have clear paths"
    fixture.update({"few.images": images[kept].clone(), "few.labels": labels[kept].int()})
    fixture.update({"many.images": images[:KEPT * 3].clone(), "many.labels": labels[:KEPT * 3].int()})
    for norm, loss, multi in kinds:
        name = f"{norm.lower()}.{loss}" + (".multi" if multi else "")
        for length, iters in (("few", FEW), ("many", MANY)):
            x, y = fixture[f"{length}.images"], fixture[f"{length}.labels"].long()
            start, points, fooled, losses, same, agreed = both(network, double, x, y, norm, loss, iters, multi=multi)
            key = f"{length}.{name}"
            fixture.update({f"{key}.start": start, f"{key}.fooled": fooled.int()})
            if length == "few":
                fixture.update({f"{key}.points": points, f"{key}.losses": losses})
            print(f"{key}: {int(fooled.sum())} of {len(x)} fooled, f64 does the same on {int(same.sum())}, fools the same of {int(agreed.sum())}")
    images, labels = fixture["few.images"], fixture["few.labels"].long()
    for loss in PGD_LOSSES:
        adversarial = fixture[f"pgd.{loss}"] = pgd(network, images, labels, loss)
        print(f"pgd.{loss}: {int((network(adversarial).argmax(1) != labels).sum())} of {len(images)} fooled")
    save_file({name: tensor.contiguous() for name, tensor in fixture.items()}, path)


def pgd(network, images, labels, loss):
    """torchattacks' PGD with the loss of its UPGD (dlr) or CW (cw; margin is cw without an end)."""
    if loss == "dlr":
        peer = torchattacks.UPGD(network)

        def measure(logits, labels):
            peer.get_logits = lambda _: logits
            return peer.dlr_loss(logits, labels, None)

    else:
        peer = torchattacks.CW(network, kappa=PGD_LOSSES[loss])

        def measure(logits, labels):
            # It masks classes with 0, which mustn't be among the largest logits.
            return -peer.f(logits - logits.min().detach() + 1, labels).sum()

    attack = torchattacks.PGD(network, eps=0.02, alpha=0.005, steps=5, random_start=False)
    original = torchattacks.attacks.pgd.nn.CrossEntropyLoss
    torchattacks.attacks.pgd.nn.CrossEntropyLoss = lambda: measure
    try:
        return attack(images, labels)
    finally:
        torchattacks.attacks.pgd.nn.CrossEntropyLoss = original


if __name__ == "__main__":
    main(*sys.argv[1:])
