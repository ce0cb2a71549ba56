#!/usr/bin/env python3
"""Runs the pipelines of `pipelines/sefe` with several seeds each, and makes tables of what came.

    scripts/sefe.py base  --data FOLDER --out RUNS
    scripts/sefe.py run   --data FOLDER --out RUNS [--seeds 0,1,2] [--jobs 2] PIPELINE…
    scripts/sefe.py table --out RUNS [--against PIPELINE | --matrix PIPELINE]

`base` runs `base.fsched` and puts its weights into FOLDER as `sefe_base.safetensors`, where the others look for them. `run` starts
`fsched run PIPELINE --set run_seed=N`, one thread each and `--jobs` at a time; what is finished is left alone, what was
interrupted goes on. `table` reads the records: of each pipeline the accuracy matrix A(j, i) (task i after task j was
learned) gives MFT, the mean over tasks right after each was learned; MFN, the mean over tasks at the end; MAA, the mean
over j of the mean over the tasks seen; BWT, the mean change since a task was learned, over all T tasks (as SEFE has it) and
over the T - 1 that something came after; and what became of answers that were once right. `--against` adds the
difference of MFN to that of another pipeline, seed by seed. Means over seeds, ± half of the
95 % interval (Student's t). Needs Python 3.9 alone.
"""

import argparse
import json
import pathlib
import shutil
import sys

from fomo import cell, run, start

HERE = pathlib.Path(__file__).resolve().parent.parent / "pipelines" / "sefe"


def base(args):
    folder = args.out / "base"
    args.out.mkdir(parents=True, exist_ok=True)
    args.data.mkdir(parents=True, exist_ok=True)
    print(start(args.fsched, HERE / "base.fsched", args.data, folder, ["--threads", "2"]))
    shutil.copyfile(folder / "exports" / "base.safetensors", args.data / "sefe_base.safetensors")


def read(folder):
    """The rows of the accuracy matrix, the parts of `forgotten`, and the seconds of a run."""
    rows, parts = [], {}
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] != "measure":
            continue
        values = {part["name"]: part["value"] for part in event.get("parts", [])}
        if event["metric"].startswith("truth_alignment") and len(values) == len(rows) + 1:
            rows.append(values)
        elif event["metric"].startswith("forgotten"):
            parts = values
    return rows, parts


def figures(rows):
    tasks = list(rows[-1])
    first = [row[task] for row, task in zip(rows, tasks)]
    last = [rows[-1][task] for task in tasks]
    count = len(tasks)
    maa = sum(sum(row.values()) / len(row) for row in rows) / count
    change = sum(last) - sum(first)
    return {
        "MFT": sum(first) / count,
        "MFN": sum(last) / count,
        "MAA": maa,
        "BWT (T)": change / count,
        "BWT (T - 1)": change / max(count - 1, 1),
    }


def finished(out):
    runs = {}
    for folder in sorted(out.iterdir()):
        manifest = folder / "manifest.json"
        name, _, seed = folder.name.rpartition("-")
        if name and manifest.exists() and json.loads(manifest.read_text())["status"] == "done":
            runs.setdefault(name, {})[seed] = read(folder)
    return runs


def table(args):
    runs = finished(args.out)
    if args.matrix:
        rows = [rows for rows, _ in runs[args.matrix].values()]
        tasks = list(rows[0][-1])
        print("| after | " + " | ".join(tasks) + " |\n|---|" + "---:|" * len(tasks))
        for j, task in enumerate(tasks):
            cells = [f"{100 * sum(r[j][t] for r in rows) / len(rows):.0f}" for t in tasks[: j + 1]]
            print(f"| {task} | " + " | ".join(cells + [""] * (len(tasks) - j - 1)) + " |")
        return
    names = ["MFT", "MFN", "MAA", "BWT (T)", "BWT (T - 1)"]
    fates = ["kept", "superficial", "essential", "never"]
    further = [f"MFN - {args.against}'s"] if args.against else []
    heads = names + further + fates
    print("| pipeline | seeds | " + " | ".join(heads) + " |\n|---|---:|" + "---:|" * len(heads))
    found = {name: {seed: figures(rows) for seed, (rows, _) in of.items()} for name, of in runs.items()}
    for name in sorted(runs, key=lambda name: -sum(f["MFN"] for f in found[name].values()) / len(found[name])):
        cells = [cell([f[n] for f in found[name].values()]) for n in names]
        if args.against:
            other = found[args.against]
            pairs = [f["MFN"] - other[seed]["MFN"] for seed, f in found[name].items() if seed in other]
            cells.append("" if name == args.against else cell(pairs))
        parts = [parts for _, parts in runs[name].values()]
        cells += [cell([p[fate] for p in parts]) if all(fate in p for p in parts) else "–" for fate in fates]
        print(f"| {name} | {len(found[name])} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in [("base", base), ("run", run)]:
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("--data", type=pathlib.Path, required=True)
        command.add_argument("--out", type=pathlib.Path, required=True)
        command.add_argument("--fsched", default="fsched")
        if name == "run":
            command.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2])
            command.add_argument("--jobs", type=int, default=2)
            command.add_argument("pipelines", type=pathlib.Path, nargs="+")
    command = commands.add_parser("table")
    command.set_defaults(function=table)
    command.add_argument("--out", type=pathlib.Path, required=True)
    command.add_argument("--against", help="the pipeline that others are compared with")
    command.add_argument("--matrix", help="the accuracies of this pipeline, mean over seeds, in place of the figures")
    args = parser.parse_args()
    args.function(args)


if __name__ == "__main__":
    sys.exit(main())
