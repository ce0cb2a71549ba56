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
import concurrent.futures
import json
import math
import pathlib
import shutil
import subprocess
import sys

# Two-sided 95 % points of Student's t by degrees of freedom.
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
HERE = pathlib.Path(__file__).resolve().parent.parent / "pipelines" / "sefe"


def start(args, pipeline, folder, threads, more):
    command = [args.fsched, "run", pipeline, "--data-dir", args.data, "--out", folder, *more]
    if (folder / "manifest.json").exists():
        if json.loads((folder / "manifest.json").read_text())["status"] == "done":
            return f"{folder.name}: done before"
        command.append("--resume")
    done = subprocess.run([*command, "--threads", str(threads), "--quiet"], capture_output=True, text=True)
    return f"{folder.name}: done" if done.returncode in (0, 4) else f"{folder.name}: exit {done.returncode}\n{done.stderr}"


def base(args):
    folder = args.out / "base"
    args.out.mkdir(parents=True, exist_ok=True)
    args.data.mkdir(parents=True, exist_ok=True)
    print(start(args, HERE / "base.fsched", folder, 2, []))
    shutil.copyfile(folder / "exports" / "base.safetensors", args.data / "sefe_base.safetensors")


def run(args):
    args.out.mkdir(parents=True, exist_ok=True)
    work = [(pipeline, seed) for seed in args.seeds for pipeline in args.pipelines]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        started = [
            pool.submit(start, args, p, args.out / f"{p.stem}-{s}", 1, ["--set", f"run_seed={s}"]) for p, s in work
        ]
        for result in concurrent.futures.as_completed(started):
            print(result.result(), flush=True)


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


def shown(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{100 * mean:.1f}"
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return f"{100 * mean:.1f} ± {100 * T95[len(values) - 1] * spread / math.sqrt(len(values)):.1f}"


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
        cells = [shown([f[n] for f in found[name].values()]) for n in names]
        if args.against:
            other = found[args.against]
            pairs = [f["MFN"] - other[seed]["MFN"] for seed, f in found[name].items() if seed in other]
            cells.append("" if name == args.against else shown(pairs))
        parts = [parts for _, parts in runs[name].values()]
        cells += [shown([p[fate] for p in parts]) if all(fate in p for p in parts) else "–" for fate in fates]
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
