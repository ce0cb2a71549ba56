#!/usr/bin/env python3
"""Runs the pipelines of `pipelines/fomo` (or others) with several seeds each, and makes tables of what came
(docs/results/fomo.md).

    scripts/fomo.py run   --data FOLDER --out RUNS [--seeds 0,1,2] [--jobs 2] PIPELINE…
    scripts/fomo.py table --out RUNS [--against plain] [--split test]

`run` starts `fsched run PIPELINE --set run_seed=N`, one thread each and `--jobs` at a time; a run that is finished is
left alone, one that was interrupted goes on. `table` reads the runs' records and prints Markdown: for each pipeline the
mean over seeds of the values at the end and at the checkpoint that was best on validation, how much the best is above
the end, and the difference to another pipeline (where that has no memory, a memory is compared with its model). Both are
taken seed by seed, with the 95 % interval of the mean (Student's t). Needs Python 3.9 alone.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import subprocess
import sys

# Two-sided 95 % points of Student's t by degrees of freedom.
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def start(fsched, pipeline, data, folder, more):
    """Runs a pipeline in a folder, or goes on with it; what came of it in a line."""
    command = [fsched, "run", pipeline, "--data-dir", data, "--out", folder, *more]
    if (folder / "manifest.json").exists():
        command.append("--resume")
        if json.loads((folder / "manifest.json").read_text())["status"] == "done":
            return f"{folder.name}: done before"
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True)
    # 4: an `expect` of the pipeline did not hold, which is a result too.
    if done.returncode not in (0, 4):
        return f"{folder.name}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return f"{folder.name}: done"


def run(args):
    args.out.mkdir(parents=True, exist_ok=True)
    work = [(pipeline, seed) for seed in args.seeds for pipeline in args.pipelines]

    def one(pipeline, seed):
        folder = args.out / f"{pipeline.stem}-{seed}"
        return start(args.fsched, pipeline, args.data, folder, ["--set", f"run_seed={seed}", "--threads", "1"])

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        started = [pool.submit(one, pipeline, seed) for pipeline, seed in work]
        for result in concurrent.futures.as_completed(started):
            print(result.result(), flush=True)


def read(folder):
    """What one run measured, by (split, metric, where); of several values the last."""
    values, forgets = {}, []
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] == "measure":
            values[event["split"], event["metric"], event.get("at", "last")] = event["value"]
        elif event["kind"] in ("forget", "zap"):
            forgets.append(event)
    return values, forgets


def mean(values):
    return sum(values) / len(values)


def interval(values):
    """Half the width of the mean's 95 % interval; None for a single value."""
    n = len(values)
    if n < 2:
        return None
    spread = math.sqrt(sum((v - mean(values)) ** 2 for v in values) / (n - 1))
    return T95[n - 1] * spread / math.sqrt(n)


def cell(values, points=100):
    half = interval(values)
    text = f"{points * mean(values):.1f}"
    return text if half is None else f"{text} ± {points * half:.1f}"


def paired(seeds, key, base, other):
    """The cell of the differences of the seeds that both have."""
    differences = [seeds[s][key] - base[s][other] for s in seeds if key in seeds[s] and other in base.get(s, {})]
    return cell(differences) if differences else ""


def without_memory(key):
    return tuple(part.replace("(of: memory)", "").replace(", of: memory", "") for part in key)


def table(args):
    runs = {}
    for folder in sorted(args.out.iterdir()):
        if (folder / "manifest.json").exists() and json.loads((folder / "manifest.json").read_text())["status"] == "done":
            name, seed = folder.name.rsplit("-", 1)
            runs.setdefault(name, {})[int(seed)] = read(folder)[0]
    keys = sorted({key for seeds in runs.values() for values in seeds.values() for key in values if key[0] == args.split})
    base = runs.get(args.against, {})
    for key in keys:
        split, metric, where = key
        print(f"\n{split}.{metric}, {where}\n")
        print(f"| pipeline | seeds | % | best - last | difference to {args.against} |\n|---|---:|---:|---:|---:|")
        other = key if any(key in values for values in base.values()) else without_memory(key)
        for name, seeds in runs.items():
            values = [v[key] for v in seeds.values() if key in v]
            if not values:
                continue
            last = (split, metric, "last")
            gap = paired(seeds, key, seeds, last) if key != last else ""
            difference = paired(seeds, key, base, other) if name != args.against else ""
            print(f"| {name} | {len(values)} | {cell(values)} | {gap} | {difference} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    runner, tabler = commands.add_parser("run"), commands.add_parser("table")
    for command in (runner, tabler):
        command.add_argument("--out", type=pathlib.Path, required=True)
    runner.add_argument("--data", type=pathlib.Path, required=True)
    runner.add_argument("--fsched", type=pathlib.Path, default=pathlib.Path("target/release/fsched"))
    runner.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2])
    runner.add_argument("--jobs", type=int, default=2)
    runner.add_argument("pipelines", type=pathlib.Path, nargs="+")
    tabler.add_argument("--against", default="plain")
    tabler.add_argument("--split", default="test")
    args = parser.parse_args()
    sys.exit(run(args) if args.command == "run" else table(args))


if __name__ == "__main__":
    main()
