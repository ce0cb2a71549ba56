#!/usr/bin/env python3
"""Attacks the same weights and images with torchattacks and pyautoattack, and holds fsched's evaluations beside them.

Needs torch, torchattacks 3.5.1, pyautoattack 0.2.0, safetensors and numpy. `scripts/attacks.sh` runs all of it.

1. The peers, one result after the other; OUT.json is written after each, and what stands in it is not done again:

       python tests/goldens/compare_autoattack.py attack victim.safetensors --data fashion-100 --eps 0.1 --out OUT.json \\
           [--attacks fgsm,pgd,apgd_ce,apgd_t,fab_t,square,autoattack] [--peers pyautoattack,torchattacks] \\
           [--seeds 3] [--queries 5000]

   The folder holds test images as IDX files or as CIFAR-10's `test_batch.bin`. torchattacks' attacks get the reference's
   settings (100 steps, the published schedule of Square); its `AutoAttack` is taken as it is, with 10 steps a part.
   `peers_cifar_50.json` beside this script is such a file, of `scripts/attacks.sh`'s CIFAR-10.

2. The same attacks by fsched: run folders of a program of `scripts/attacks` (`fashion_100.fsched`, `fashion_500.fsched`, `cifar_50.fsched`), one for each
   seed.

3. The tables (Markdown on stdout, exit status 1 where a bar is missed):

       python tests/goldens/compare_autoattack.py table OUT.json RUN…

4. How often one image withstands a random attack of pyautoattack alone, over so many seeds (of ours: a folder with as many
   copies of the image, where each has draws of its own):

       python tests/goldens/compare_autoattack.py alone victim.safetensors --data fashion-100 --eps 0.1 --image 71 \\
           --attack apgd_ce [--seeds 100] [--queries 5000]

An image is counted where it is classified correctly as it is and as attacked. Of pyautoattack, which decides where the
peers disagree: a deterministic attack must agree on 99.5 % of the images; the number that withstands a random one must lie
in the range of pyautoattack's seeds; AutoAttack's number may be one image outside of it.
"""

import argparse
import json
import pathlib
import sys
import time

ATTACKS = ["fgsm", "pgd", "apgd_ce", "apgd_t", "fab_t", "square", "autoattack"]
DETERMINISTIC = {"fgsm", "pgd", "fab_t"}
# FGSM and PGD are torchattacks' alone; for them it is the reference.
REFERENCE = {"fgsm": "torchattacks", "pgd": "torchattacks"}


def load_data(folder):
    import numpy as np
    import torch
    from compare_attacks import idx, pixels

    batch = folder / "test_batch.bin"
    if batch.exists():
        records = np.frombuffer(batch.read_bytes(), np.uint8).reshape(-1, 3073)
        return pixels(records[:, 1:].reshape(-1, 3, 32, 32)), torch.from_numpy(records[:, 0].astype(np.int64))
    images, labels = (idx(next(folder.glob(f"t10k-{kind}*"))) for kind in ("images", "labels"))
    return pixels(images), torch.from_numpy(labels.astype(np.int64))


def load_model(path, image):
    from make_models import ConvNet, ResNet18
    from safetensors.torch import load_file

    weights = load_file(path)
    if "conv1.weight" in weights:
        model = ResNet18(image, len(weights["linear.weight"]))
    else:
        blocks = sum(name.endswith(".conv.weight") for name in weights)
        width = len(weights["encoder.block1.conv.weight"])
        model = ConvNet(image, len(weights["classifier.weight"]), blocks=blocks, width=width)
    model.load_state_dict(weights)
    # Attacks need no gradient of a weight: neither program forms any.
    return model.eval().requires_grad_(False)


def peers(model, eps, queries, seed):
    """{(peer, attack): images, labels -> adversarial images}"""
    import torchattacks
    from pyautoattack import AutoAttack
    from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
    from pyautoattack.fab_pt import FABAttack_PT
    from pyautoattack.square import SquareAttack

    ours = {"norm": "Linf", "eps": eps, "seed": seed}
    apgd = ours | {"n_iter": 100, "n_restarts": 1, "eot_iter": 1, "rho": 0.75}
    whole = AutoAttack(model, **ours, version="standard")
    whole.verbose, whole.square.n_queries = False, queries
    theirs = {"eps": eps, "norm": "Linf", "seed": seed, "n_restarts": 1}
    return {
        ("torchattacks", "fgsm"): torchattacks.FGSM(model, eps=eps),
        ("torchattacks", "pgd"): torchattacks.PGD(model, eps=eps, alpha=eps / 8, steps=20, random_start=False),
        ("pyautoattack", "apgd_ce"): APGDAttack(model, **apgd, loss="ce").perturb,
        ("pyautoattack", "apgd_t"): APGDAttack_targeted(model, **apgd, n_target_classes=9).perturb,
        ("pyautoattack", "fab_t"): FABAttack_PT(model, **ours, n_iter=100, n_restarts=1, targeted=True).perturb,
        ("pyautoattack", "square"): SquareAttack(model, **ours, n_queries=queries, resc_schedule=False).perturb,
        ("pyautoattack", "autoattack"): lambda x, y: whole.run_standard_evaluation(x, y, batch_size=500)[0],
        ("torchattacks", "apgd_ce"): torchattacks.APGD(model, **theirs, steps=100),
        ("torchattacks", "apgd_t"): torchattacks.APGDT(model, **theirs, steps=100),
        ("torchattacks", "fab_t"): torchattacks.FAB(model, **theirs, steps=100, multi_targeted=True),
        ("torchattacks", "square"): torchattacks.Square(model, **theirs, n_queries=queries, resc_schedule=False),
        ("torchattacks", "autoattack"): torchattacks.AutoAttack(model, eps=eps, norm="Linf", seed=seed),
    }


def load(args):
    """Images, labels and the network that is attacked, on one thread."""
    import torch

    torch.set_num_threads(1)
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    images, labels = load_data(args.data)
    return images, labels, load_model(args.weights, list(images.shape[1:]))


def attack(args):
    import torch

    images, labels, model = load(args)
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    results = json.loads(args.out.read_text()) if args.out.exists() else {}
    setting = {"eps": args.eps, "images": len(labels), "queries": args.queries, "torch": torch.__version__}
    if results.setdefault("setting", setting) != setting:
        sys.exit(f"{args.out} holds results of another setting: {results['setting']}")
    results["clean"] = right.int().tolist()
    for seed in range(args.seeds):
        for (peer, name), run in peers(model, args.eps, args.queries, seed).items():
            key = f"{peer} {name} {seed}"
            if name not in args.attacks or peer not in args.peers or key in results:
                continue
            if name in DETERMINISTIC and seed > 0:
                continue
            torch.manual_seed(seed)
            start = time.perf_counter()
            adversarial = run(images[right], labels[right])
            seconds = time.perf_counter() - start
            with torch.no_grad():
                stands = model(adversarial).argmax(1) == labels[right]
            withstood = torch.zeros(len(labels), dtype=torch.int)
            withstood[right] = stands.int()
            results[key] = {"withstood": withstood.tolist(), "seconds": round(seconds, 1)}
            print(f"{key}: {int(withstood.sum())} of {len(labels)} in {seconds:.1f} s", flush=True)
            args.out.write_text(json.dumps(results))


def alone(args):
    import torch

    images, labels, model = load(args)
    image, label = images[args.image : args.image + 1], labels[args.image : args.image + 1]
    withstood = 0
    for seed in range(args.seeds):
        run = peers(model, args.eps, args.queries, seed)["pyautoattack", args.attack]
        torch.manual_seed(seed)
        adversarial = run(image, label)
        with torch.no_grad():
            withstood += int((model(adversarial).argmax(1) == label).sum())
    print(f"image {args.image} withstood {withstood} of {args.seeds}")


def evaluations(run):
    """What a run of such a program found: {attack: (list, seconds)}, `clean` among them."""
    found, before = {}, 0.0
    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] == "measure":
            name = event["metric"].removeprefix("robust(").rstrip(")")
            found[name] = (json.loads((run / event["per_example"]).read_text()), event["t"] - before)
        before = event["t"]
    return found


def table(args):
    results = json.loads(args.out.read_text())
    runs = [evaluations(run) for run in args.runs]
    print("| attack | pyautoattack | torchattacks | fsched | images that differ | seconds, in that order |")
    print("|---|---|---|---|---|---|")
    clean = [int(right) for right in runs[0]["clean"][0]]
    differ = [i for i, right in enumerate(results["clean"]) if right != clean[i]]
    peers_clean = sum(results["clean"])
    print(f"| clean | {peers_clean} | {peers_clean} | {sum(clean)} | {listed(differ)} | |")
    missed = ["clean"] if differ else []
    for name in ATTACKS:
        columns = {peer: of_peer(results, peer, name) for peer in ("pyautoattack", "torchattacks")}
        found = [(list(map(int, values)), seconds) for values, seconds in (run[name] for run in runs if name in run)]
        columns["fsched"] = found[:1] if name in DETERMINISTIC else found
        reference = columns[REFERENCE.get(name, "pyautoattack")]
        if not found or not reference:
            continue
        differ = disagreements([values for values, _ in reference], [values for values, _ in columns["fsched"]])
        theirs, ours = counts(reference), counts(columns["fsched"])
        slack = 1 if name == "autoattack" else 0
        within = theirs[0] - slack <= ours[0] and ours[-1] <= theirs[-1] + slack
        fine = len(differ) <= 0.005 * len(clean) if name in DETERMINISTIC else within
        missed += [] if fine else [name]
        numbers = " | ".join(", ".join(map(str, counts(column))) or "–" for column in columns.values())
        seconds = " / ".join(mean([seconds for _, seconds in column]) for column in columns.values())
        print(f"| {name} | {numbers} | {listed(differ)} | {seconds} |")
    if missed:
        sys.exit(f"outside of the bars: {', '.join(missed)}")


def of_peer(results, peer, name):
    keys = sorted(key for key in results if key.startswith(f"{peer} {name} "))
    return [(results[key]["withstood"], results[key]["seconds"]) for key in keys]


def counts(column):
    return sorted(sum(values) for values, _ in column)


def disagreements(theirs, ours):
    """Images on which all seeds of the reference agree and all of ours, but not with each other."""
    found = []
    for i in range(len(ours[0])):
        a, b = {values[i] for values in theirs}, {values[i] for values in ours}
        if len(a) == len(b) == 1 and a != b:
            found.append(i)
    return found


def mean(seconds):
    return f"{sum(seconds) / len(seconds):.0f}" if seconds else "–"


def listed(places):
    return "none" if not places else ", ".join(map(str, places))


def number(text):
    """0.1 or 1.3/255"""
    parts = [float(part) for part in text.split("/")]
    return parts[0] / parts[1] if len(parts) == 2 else parts[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    names = lambda text: text.split(",")  # noqa: E731
    one, again = parts.add_parser("attack"), parts.add_parser("alone")
    for part, seeds, do in ((one, 3, attack), (again, 100, alone)):
        part.add_argument("weights")
        part.add_argument("--data", type=pathlib.Path, required=True)
        part.add_argument("--eps", type=number, required=True)
        part.add_argument("--seeds", type=int, default=seeds)
        part.add_argument("--queries", type=int, default=5000)
        part.set_defaults(do=do)
    one.add_argument("--out", type=pathlib.Path, required=True)
    one.add_argument("--attacks", type=names, default=ATTACKS)
    one.add_argument("--peers", type=names, default=["pyautoattack", "torchattacks"])
    again.add_argument("--image", type=int, required=True)
    again.add_argument("--attack", choices=["apgd_ce", "apgd_t", "square"], required=True)
    two = parts.add_parser("table")
    two.add_argument("out", type=pathlib.Path)
    two.add_argument("runs", type=pathlib.Path, nargs="+")
    two.set_defaults(do=table)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
