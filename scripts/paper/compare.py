#!/usr/bin/env python3
"""How far the losses of fsched's first steps are from those of two PyTorch runs, and these from each other.

    scripts/paper/compare.py RUN torch-1.json torch-2.json

Prints the root of the mean squared difference and the largest difference of each pair, by quarters and in all, and the losses of
some steps. Needs Python alone.
"""

import json
import pathlib
import sys


def ours(run):
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [e["value"] for e in events if e["kind"] == "measure" and e["metric"] == "step_loss"]


def apart(a, b):
    squares = [(x - y) ** 2 for x, y in zip(a, b)]
    return f"{(sum(squares) / len(squares)) ** 0.5:.4f} ({max(squares) ** 0.5:.4f})"


def main():
    run, *torch = map(pathlib.Path, sys.argv[1:])
    losses = {"fsched": ours(run)}
    losses |= {path.stem: json.loads(path.read_text()) for path in torch}
    steps = min(map(len, losses.values()))
    names = list(losses)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    print("| steps | " + " | ".join(f"{a}, {b}" for a, b in pairs) + " |")
    print("|---|" + "---:|" * len(pairs))
    quarter = max(steps // 4, 1)
    for first, last in [*((i, min(i + quarter, steps)) for i in range(0, steps, quarter)), (0, steps)]:
        cells = [apart(losses[a][first:last], losses[b][first:last]) for a, b in pairs]
        print(f"| {first + 1} to {last} | " + " | ".join(cells) + " |")
    print("\n| step | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for step in sorted({1, 2, 5, 10, 25, 50, 75, steps}):
        if step <= steps:
            print(f"| {step} | " + " | ".join(f"{losses[name][step - 1]:.4f}" for name in names) + " |")


if __name__ == "__main__":
    main()
