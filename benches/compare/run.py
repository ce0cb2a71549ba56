"""This crate and PyTorch in alternation on the same work: medians and their ratios, as Markdown and JSON.

Usage: benches/compare/run.sh [--quick] [--cases a,b] [--parts steps,layers] [--threads 2,1] … (see --help).
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

from cases import CASES, GROWTH, LAYERS
from measure import Measure
from report import line_of, markdown
from sides import SideError, Sides

PARTS = ["steps", "memory", "scaling", "layers", "growth"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = lambda text: text.split(",")
    parser.add_argument("--ours", required=True, help="our side: the example `compare`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, and no torch.compile")
    parser.add_argument("--cases", type=names, default=["a", "b", "c", "d"], help="a, b, c, d; all if left out")
    parser.add_argument("--parts", type=names, default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--works", type=names, help="step, adversarial, evaluate, forward …; all if left out")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[2, 1])
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], help="of these sizes alone")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="torch.compile too; on unless quick")
    parser.add_argument("--rounds", type=int, help="turns of each side; 3 if quick, else 7")
    parser.add_argument("--seconds", type=float, help="of a turn; 0.5 if quick, else 1.5")
    return parser.parse_args()


def machine(sides, threads):
    model = [line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines() if line.startswith("model name")]
    ours, torch = sides.ours(threads).ask("about"), sides.torch(threads, "passive").ask("about")
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "processor": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "fsched": ours["version"],
        "instructions": ours["isa"],
        "torch": torch["version"],
        "torch_instructions": torch["isa"],
    }


def read(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""


class Run:
    """What was measured so far; written after each measurement, so that a run that is cut short leaves its results."""

    def __init__(self, options):
        self.options = options
        self.sides = Sides(options.ours)
        rounds = options.rounds or (3 if options.quick else 7)
        seconds = options.seconds or (0.5 if options.quick else 1.5)
        compile = not options.quick if options.compile is None else options.compile
        self.measure = Measure(self.sides, rounds, seconds, compile)
        # Of what there is much to measure, less of each.
        self.short = Measure(self.sides, rounds, seconds / 3, compile=False)
        settings = {"rounds": rounds, "seconds": seconds, "compile": compile}
        about = machine(self.sides, max(options.threads))
        self.results = {"machine": about, "settings": settings, "checks": [], "measured": [], "notes": []}
        print(" · ".join(f"{key} {value}" for key, value in about.items()), flush=True)

    def chosen(self, cases):
        for case in cases:
            batch = case["case"]["batch"]
            if case["letter"] not in self.options.cases or batch not in (self.options.batches or [batch]):
                continue
            works = [work for work in case["works"] if work in (self.options.works or case["works"])]
            if works:
                yield {**case, "works": works}

    def keep(self, part, case, work, threads, result, **more):
        entry = {"part": part, "letter": case["letter"], "case": case["name"], "work": work, "threads": threads}
        # Memory has a target for training alone; an evaluation's is small on both sides.
        wanted = {"steps": work, "memory": None if work == "evaluate" else "memory"}.get(part)
        target = case["targets"].get(wanted)
        entry |= {"target": target, **more, **result}
        self.results["measured"].append(entry)
        print(line_of(entry), flush=True)
        self.write()

    def write(self):
        self.options.out.mkdir(parents=True, exist_ok=True)
        (self.options.out / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")
        (self.options.out / "results.md").write_text(markdown(self.results))

    def guarded(self, case, measure):
        """A case that one side cannot do is noted, and the others go on."""
        try:
            measure()
        except SideError as error:
            self.results["notes"].append(f"{case['name']}: {error}")
            print(f"not measured: {case['name']}: {error}", flush=True)
            self.write()

    def compare(self, part, case, threads, measure, **more):
        for work, result in measure.compare(case, threads).items():
            self.keep(part, case, work, threads, result, **more)

    def steps(self):
        for case in self.chosen(CASES):

            def measure():
                checked = self.measure.check(case, max(self.options.threads))
                self.results["checks"].append({"case": case["name"], **checked})
                differences = ", ".join(f"{work} {value:.1e}" for work, value in checked["largest_difference"].items())
                print(f"{case['name']}: {checked['parameters']} parameters, losses differ by {differences}", flush=True)
                for threads in self.options.threads:
                    self.compare("steps", case, threads, self.measure)

            self.guarded(case, measure)

    def memory(self):
        threads = max(self.options.threads)
        for case in self.chosen(CASES):

            def measure():
                ways, _ = self.measure.variants({**case, "works": ["step"]}, threads)
                eager = next(way for _, way in ways["step"] if not way["compile"])
                for work, result in self.measure.memory(case, threads, eager).items():
                    self.keep("memory", case, work, threads, result)

            self.guarded(case, measure)

    def scaling(self):
        for case in self.chosen(CASES):

            def measure():
                for work, result in self.measure.scaling(case).items():
                    self.keep("scaling", case, work, 2, result)

            self.guarded(case, measure)

    def layers(self):
        for case in self.chosen(LAYERS):
            for threads in self.options.threads:
                self.guarded(case, lambda: self.compare("layers", case, threads, self.short))

    def growth(self):
        for dimension, cases in GROWTH.items():
            for case in self.chosen([{**case, "works": ["step"]} for case in cases]):
                threads = max(self.options.threads)
                self.guarded(case, lambda: self.compare("growth", case, threads, self.short, along=dimension))


def main():
    options = arguments()
    run = Run(options)
    for part in PARTS:
        if part in options.parts:
            getattr(run, part)()
    run.sides.close()
    print(f"written to {options.out}/results.md and results.json")


if __name__ == "__main__":
    main()
