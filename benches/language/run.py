"""This crate beside transformers and PEFT on the same weights and tokens, in turns: medians, ratios, peak memory.

Usage: benches/language/run.sh --gguf SmolLM2-135M-Instruct.Q4_1.gguf [--works text,write] [--rounds 5] [--threads 2]
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "compare"))
from sides import POLICIES, Side, SideError, busy_seconds  # noqa: E402

WORKS = {
    "text": "step on text",
    "features": "step on pictures, their features kept",
    "pixels": "step on pictures, the tower inside",
    "write": "64 tokens, greedily",
}
# What the ratio of times is to be at most.
TARGETS = {"text": 0.8, "features": 0.8, "pixels": 0.8, "write": 1.0}
LR = 2e-4

# Between two turns: OpenMP's threads stop spinning, caches and clock settle the same way for both.
PAUSE = 0.3

# Relative difference of losses that rounding explains.
SAME_LOSS = 1e-3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = lambda text: text.split(",")
    parser.add_argument("--ours", required=True, help="our side: the example `language`")
    parser.add_argument("--out", type=Path, required=True, help="folder of what both sides read, and of the results")
    parser.add_argument("--gguf", help="SmolLM2-135M-Instruct; needed the first time")
    parser.add_argument("--works", type=names, default=list(WORKS), help=", ".join(WORKS))
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side, a step each")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Run:
    def __init__(self, options):
        self.options = options
        self.results = {"measured": []}

    def ours(self):
        return Side([self.options.ours], self.options.threads, {})

    def peer(self, policy):
        return Side([sys.executable, str(HERE / "peer.py")], self.options.threads, POLICIES[policy])

    def request(self, work):
        folder = self.options.out / ("text" if work in ("text", "write") else "seen")
        return {"folder": str(folder), "work": work, "lr": LR}

    def prepare(self):
        with self.peer("default") as peer:
            # Last of what is written is the pixels' file.
            if not (self.options.out / "seen" / "pixels.safetensors").exists():
                if not self.options.gguf:
                    raise SystemExit("--gguf FILE is needed: nothing is prepared yet")
                peer.ask("prepare", folder=str(self.options.out), gguf=self.options.gguf)
            with self.ours() as ours:
                self.results |= {"ours": ours.ask("about"), "peer": peer.ask("about")}
        print(f"ours {self.results['ours']}\npeer {self.results['peer']}", flush=True)

    def measure(self, work):
        sides = {"ours": self.ours(), **{policy: self.peer(policy) for policy in POLICIES}}
        try:
            entry = self.compare(work, sides)
        finally:
            for side in sides.values():
                side.close()
        fastest = min(POLICIES, key=lambda policy: entry["ms"][policy])
        ratio = entry["ms"]["ours"] / entry["ms"][fastest]
        memory = {"ours": self.memory(work, self.ours()), "peer": self.memory(work, self.peer(fastest))}
        entry |= {"work": work, "fastest": fastest, "ratio": ratio, "memory": memory, "target": TARGETS[work]}
        self.results["measured"].append(entry)
        print(described(entry), flush=True)
        (self.options.out / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")

    def compare(self, work, sides):
        """First turns, whose results must be the same, then turns that are timed, first to last and back."""
        counts = {name: side.ask("open", **self.request(work)) for name, side in sides.items()}
        first = {name: side.ask("run", count=3 if work != "write" else 1)["results"] for name, side in sides.items()}
        entry = {"parameters": counts, "results": first, "difference": difference(work, counts, first)}
        times, seconds = {name: [] for name in sides}, {name: [] for name in sides}
        others, faults = [], []
        for turn in range(self.options.rounds):
            for name in list(sides) if turn % 2 == 0 else reversed(list(sides)):
                time.sleep(PAUSE)
                start, busy, own = time.monotonic(), busy_seconds(), sides[name].seconds()
                reply = sides[name].ask("run", count=1)
                own = sides[name].seconds() - own
                others.append((busy_seconds() - busy - own) / (time.monotonic() - start))
                times[name] += reply["ms"]
                seconds[name].append(own)
                faults += [reply["faults"]] if name == "ours" else []
        medians = {name: median(of) for name, of in times.items()}
        used = {name: median(of) for name, of in seconds.items()}
        entry |= {"ms": medians, "times": times, "seconds": used, "faults": median(faults)}
        return {**entry, "others": max(0.0, median(others))}

    def memory(self, work, side):
        """MiB that a process of its own holds before its first step, and at most in three."""
        with side:
            side.ask("open", **self.request(work))
            reply = side.ask("peak", count=3 if work != "write" else 1)
            return {"before": reply["before"] / 1024, "peak": reply["peak"] / 1024}


def difference(work, counts, results):
    """How much losses differ at most, relative; an error where the sides did not do the same work."""
    if any(count != counts["ours"] for count in counts.values()):
        raise SideError(f"{work}: the sides have {counts} parameters")
    found = results["ours"]
    if work == "write":
        same = all(other == found for other in results.values())
        return 0.0 if same else sum(a != b for a, b in zip(found[0], results["default"][0])) / len(found[0])
    worst = max(abs(a - b) / abs(b) for other in results.values() for a, b in zip(found, other, strict=True))
    if not worst <= SAME_LOSS:
        raise SideError(f"{work}: losses are {results}")
    return worst


def described(entry):
    work, ms, fastest = entry["work"], entry["ms"], entry["fastest"]
    lines = [f"{WORKS[work]}: {ms['ours']:.0f} ms against {ms[fastest]:.0f} ({fastest} waiting)"]
    lines[0] += f", ratio {entry['ratio']:.2f} (target {entry['target']:.2f})"
    ratios = [ours / peer for ours, peer in zip(entry["times"]["ours"], entry["times"][fastest])]
    lines.append(f"  single turns {min(ratios):.2f} to {max(ratios):.2f}; {entry['faults']:.0f} page faults a turn of ours")
    # Of threads that sleep while they wait: what others did meanwhile changes this little.
    used = [entry["seconds"][name] for name in ("ours", "passive")]
    lines.append(f"  processor seconds {used[0]:.2f} against {used[1]:.2f} (passive waiting), {used[0] / used[1]:.2f}")
    if entry["others"] > 0.1:
        lines.append(f"  DISTURBED: others used {entry['others']:.2f} processors")
    if work == "write":
        count = len(entry["results"]["ours"][0])
        rates = [1e3 * count / ms[name] for name in ("ours", fastest)]
        lines.append(f"  {rates[0]:.1f} against {rates[1]:.1f} tokens/s; {entry['difference']:.0%} of the tokens differ")
    else:
        losses = [", ".join(f"{loss:.6f}" for loss in entry["results"][name]) for name in ("ours", fastest)]
        lines.append(f"  losses {losses[0]} against {losses[1]}: they differ by {entry['difference']:.1e}")
        trained = entry["parameters"]["ours"]
        lines.append(f"  {trained['trained']:,} numbers trained beside {trained['frozen']:,}")
    ours, peer = entry["memory"]["ours"], entry["memory"]["peer"]
    above = [side["peak"] - side["before"] for side in (ours, peer)]
    lines.append(f"  peak memory {ours['peak']:.0f} against {peer['peak']:.0f} MiB ({ours['peak'] / peer['peak']:.2f})")
    lines[-1] += f", above what was there before {above[0]:.0f} against {above[1]:.0f} ({above[0] / above[1]:.2f})"
    return "\n".join(lines)


def main():
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    run.prepare()
    for work in options.works:
        try:
            run.measure(work)
        except SideError as error:
            print(f"not measured: {work}: {error}", flush=True)


if __name__ == "__main__":
    main()
