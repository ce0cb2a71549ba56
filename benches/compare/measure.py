"""Measurements: the two sides in turns, on the same work, in the same minutes."""

import tempfile
import threading
import time
from statistics import median

from sides import POLICIES, SideError, busy_seconds

# Between two turns: OpenMP's threads stop spinning, caches and clock settle the same way for both.
PAUSE = 0.15

# Relative difference of losses that rounding explains: of plain steps, and of adversarial ones, where a gradient near
# zero may have another sign.
SAME_LOSS = {"step": 1e-3, "evaluate": 1e-3, "adversarial": 1e-2}


class Measure:
    """How long and how often: `rounds` turns of each side, each of about `seconds`."""

    def __init__(self, sides, rounds, seconds, compile):
        self.sides, self.rounds, self.seconds = sides, rounds, seconds
        self.modes = [False, True] if compile else [False]

    def check(self, case, threads):
        """Both sides have as many parameters and, from the same weights on the same batch, the same losses."""
        ours, torch = self.sides.ours(threads), self.sides.torch(threads, "passive")
        with tempfile.TemporaryDirectory() as folder:
            variant = {"format": "nchw", "compile": False}
            counts = [ours.ask("open", case=case["case"])["parameters"]]
            ours.ask("export", folder=folder)
            counts.append(torch.ask("open", case=case["case"], variant=variant, folder=folder)["parameters"])
            if counts[0] != counts[1]:
                raise SideError(f"{case['name']}: {counts[0]} parameters here, {counts[1]} in PyTorch")
            found, expected = ours.ask("losses"), torch.ask("losses")
        worst = {}
        for work, losses in expected.items():
            worst[work] = max(abs(a - b) / max(abs(b), 0.1) for a, b in zip(found[work], losses, strict=True))
            if not worst[work] <= SAME_LOSS[work]:
                raise SideError(f"{case['name']}: losses of {work} are {found[work]} here, {losses} in PyTorch")
        return {"parameters": counts[0], "losses": found, "torch_losses": expected, "largest_difference": worst}

    def variants(self, case, threads):
        """Milliseconds of each work in each of PyTorch's ways to do it: {work: [(ms, variant)]}, fastest first."""
        found, failures = {work: [] for work in case["works"]}, []
        modes = [False] if case["case"]["kind"] == "layer" else self.modes
        images = case["case"]["kind"] != "decoder" and case["case"].get("model") != "mlp"
        formats = ["nchw", "nhwc"] if images else ["nchw"]
        for policy in POLICIES:
            for variant in ({"format": f, "compile": c} for c in modes for f in formats):
                described = {**variant, "policy": policy}
                side = self.sides.torch(threads, policy)
                try:
                    side.ask("open", case=case["case"], variant=variant)
                    for work in case["works"]:
                        found[work].append((self.estimate(side, work), described))
                except SideError as error:
                    failures.append(f"{name_of(described)}: {error}")
        for work in found:
            found[work].sort(key=lambda entry: entry[0])
        return found, failures

    def estimate(self, side, work):
        """Milliseconds, roughly; of a PGD-10 step from an attack's pass and a step."""
        if work == "adversarial":
            return 10 * self.estimate(side, "attack_once") + self.estimate(side, "step")
        first = side.times(work, 2)
        # Not the median: other work on the machine must not decide between the ways.
        return min(side.times(work, steps_in(self.seconds / 3, first[1])))

    def compare(self, case, threads):
        """The works of a case in alternation: {work: result}."""
        variants, failures = self.variants(case, threads)
        results = {}
        for work in case["works"]:
            ways = variants[work]
            ours = self.sides.ours(threads)
            ours.ask("open", case=case["case"])
            sides = {"ours": ours}
            # The fastest way under each policy; which of the two is faster depends on what else runs.
            for policy in POLICIES:
                variant = next((way for _, way in ways if way["policy"] == policy), None)
                if variant:
                    sides[name_of(variant)] = self.sides.torch(threads, policy)
                    sides[name_of(variant)].ask("open", case=case["case"], variant=variant)
            result = self.alternate(sides, work)
            results[work] = {**result, "variants": {name_of(way): ms for ms, way in ways}, "failures": failures}
        return results

    def alternate(self, sides, work):
        """The sides in turns, first to last and back; against ours stands the fastest of the others."""
        counts = {}
        for name, side in sides.items():
            warm = side.times(work, 1)
            # What compiles or allocates in its first step is timed by its second one, if that takes no minutes.
            counts[name] = steps_in(self.seconds, side.times(work, 1)[0] if warm[0] < 3000 else warm[0])
        times = {name: [] for name in sides}
        turns = {name: [] for name in sides}
        faults, others = [], []
        # Fewer turns of what fills a turn with a single step.
        rounds = self.rounds if max(counts.values()) > 1 else min(self.rounds, 3)
        for turn in range(rounds):
            for name in list(sides) if turn % 2 == 0 else reversed(list(sides)):
                time.sleep(PAUSE)
                start, busy, own = time.monotonic(), busy_seconds(), sides[name].seconds()
                reply = sides[name].ask("run", work=work, count=counts[name])
                own = sides[name].seconds() - own
                others.append((busy_seconds() - busy - own) / (time.monotonic() - start))
                times[name] += reply["ms"]
                turns[name].append(median(reply["ms"]))
                if name == "ours":
                    faults.append(reply["faults"] / counts[name])
        medians = {name: median(of) for name, of in times.items()}
        variant = min((name for name in sides if name != "ours"), key=medians.get)
        ratios = [ours / torch for ours, torch in zip(turns["ours"], turns[variant])]
        return {
            "ours_ms": medians["ours"],
            "torch_ms": medians[variant],
            "ratio": medians["ours"] / medians[variant],
            "ratios": [min(ratios), max(ratios)],
            "variant": variant,
            "medians": medians,
            "steps": {name: len(of) for name, of in times.items()},
            "faults": median(faults),
            # processors that other processes kept busy meanwhile; small where the measurement was alone
            "others": max(0.0, median(others)),
        }

    def memory(self, case, threads, variant):
        """MiB resident at most above what was resident before the first step, in fresh processes: {work: …}."""
        results = {}
        for work in case["works"]:
            above = {}
            for name in ("ours", "torch"):
                torch = name == "torch"
                side = self.sides.fresh_torch(threads, variant["policy"]) if torch else self.sides.fresh_ours(threads)
                extra = {"variant": {"format": variant["format"], "compile": False}} if torch else {}
                with side:
                    # Loads the code of both sides, so that their libraries' own pages don't count.
                    side.ask("open", case=case["small"], **extra)
                    side.times(work, 1)
                    side.ask("open", case=case["case"], **extra)
                    reply = side.ask("peak", work=work, count=3 if work != "adversarial" else 1)
                above[name] = (reply["peak"] - reply["before"]) / 1024
            result = {"ours_mib": above["ours"], "torch_mib": above["torch"], "variant": name_of(variant)}
            results[work] = {**result, "ratio": above["ours"] / above["torch"]}
        return results

    def scaling(self, case):
        """Two threads of one process against two processes of one thread each, and one of those alone."""
        pair = [self.sides.fresh_ours(1), self.sides.fresh_ours(1)]
        both = self.sides.ours(2)
        for side in [both, *pair]:
            side.ask("open", case=case["case"])
        results = {}
        for work in case["works"]:
            first = [side.times(work, 2)[1] for side in [both, *pair]]
            counts = [steps_in(self.seconds, ms) for ms in first]
            times = {"threads": [], "processes": [], "one": []}
            for _ in range(self.rounds):
                time.sleep(PAUSE)
                times["threads"] += both.times(work, counts[0])
                times["processes"] += at_once(pair, work, counts[1])
                times["one"] += pair[0].times(work, counts[1])
            ms = {name: median(of) for name, of in times.items()}
            results[work] = {
                **{f"{name}_ms": value for name, value in ms.items()},
                "threads_scaling": ms["one"] / ms["threads"],
                "processes_scaling": 2 * ms["one"] / ms["processes"],
                # 2 · one / processes against one / threads
                "share": ms["processes"] / (2 * ms["threads"]),
            }
        for side in pair:
            side.close()
        return results


def at_once(sides, work, count):
    """Times of all sides, which work at the same time."""
    times = []
    threads = [threading.Thread(target=lambda s=side: times.extend(s.times(work, count))) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def steps_in(seconds, ms):
    return max(1, min(2000, round(seconds * 1000 / max(ms, 1e-3))))


def name_of(variant):
    mode = "compiled" if variant["compile"] else "eager"
    return f"{variant['format'].upper()} {mode}, {variant['policy']} waiting"
