"""What a checkpoint costs: this program and PyTorch in turns, the same network, optimizer and number of steps.

    benches/checkpoint/run.py [ROUNDS]      (an interpreter with benches/compare/requirements.txt; first cargo build --release)

Ours trains some steps without checkpoints and with one after each step; the difference by the number of steps is the cost
of one. PyTorch's is timed around the call itself. Ours writes weights, optimizer, named checkpoints and state aside, flushes and renames them, with checksums,
and flushes the logs. PyTorch's is what its users write: `torch.save` of model, optimizer and random state; "flushed" adds
what survives a power cut (written aside, fsync, rename). Medians over the rounds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "benches" / "compare"))

import torch  # noqa: E402
from torch_models import PreActResNet18  # noqa: E402

STEPS = 12
fsched = root / "target" / "release" / "fsched"

PROGRAM = """data fashion(train: 64)
model preact_resnet18
batch 4
optimizer sgd(lr: 0.01, momentum: 0.9)
threads 2
{keep}
train {steps} steps
"""


def ours(place, keep):
    program = place / "p.fsched"
    program.write_text(PROGRAM.format(keep=keep, steps=STEPS))
    folder = place / "run"
    began = time.perf_counter()
    subprocess.run([fsched, "run", program, "--out", folder, "--quiet"], check=True)
    took = time.perf_counter() - began
    newest = sorted((folder / "checkpoints").glob("step-*"))[-1:] if (folder / "checkpoints").exists() else []
    size = sum(f.stat().st_size for c in newest for f in c.rglob("*") if f.is_file())
    subprocess.run(["rm", "-rf", folder], check=True)
    return took, size


def theirs(place, save):
    torch.manual_seed(0)
    torch.set_num_threads(2)
    model = PreActResNet18((1, 28, 28), 10, 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.rand(4, 1, 28, 28), torch.randint(10, (4,))
    path = place / "checkpoint.pt"
    saving = 0.0
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if save:
            began = time.perf_counter()
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
            if save == "flushed":
                with open(place / "aside.pt", "wb") as file:
                    torch.save(state, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(place / "aside.pt", path)
            else:
                torch.save(state, path)
            saving += time.perf_counter() - began
    return saving, path.stat().st_size


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    costs = {"fsched": [], "torch.save": [], "torch.save, flushed": []}
    sizes = {}
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        theirs(place, "plain")
        for _ in range(rounds):
            without, _ = ours(place, "keep last: 0")
            with_, sizes["fsched"] = ours(place, "keep last: 2, every: 1 step")
            costs["fsched"].append((with_ - without) / STEPS)
            for name, save in (("torch.save", "plain"), ("torch.save, flushed", "flushed")):
                took, sizes[name] = theirs(place, save)
                costs[name].append(took / STEPS)
    print(f"PreAct ResNet-18, SGD with momentum, {STEPS} steps, {rounds} rounds in turns, PyTorch {torch.__version__}")
    print("| | one checkpoint, ms (median; least to most) | MB | of a run at one in 10 min |")
    print("|---|---|---|---|")
    for name, each in costs.items():
        middle = statistics.median(each)
        spread = f"{min(each) * 1000:.0f} to {max(each) * 1000:.0f}"
        print(f"| {name} | {middle * 1000:.0f} ({spread}) | {sizes[name] / 1e6:.0f} | {middle / 600 * 100:.3f} % |")


main()
