#!/usr/bin/env python3
"""fsched beside ruff (Python) and taplo (TOML): looking for mistakes, and formatting, on files of equal size.

    python3 benches/authoring/peers.py [ROUNDS]

Needs target/release/fsched. Installs ruff and taplo from PyPI into target/peers. All programs start anew for each file,
without caches, in turns; medians of wall time, and the largest resident set seen. The work is not the same: each checks
its own language, and fsched resolves names, types and selectors and settles the schedule, which neither peer does."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FSCHED = ROOT / "target/release/fsched"
PEERS = ROOT / "target/peers"
PACKAGES = ["ruff==0.17.6", "taplo==0.9.3"]
LINES = [1, 1_000, 100_000]


def fsched_text(n):
    """A straight program: names, settings, steps."""
    block = [
        "let attack_{i} = pgd(eps: 8/255, step: 2/255, iters: 10)",
        "objective adversarial(attack_{i})",
        "train 2 epochs with {{ optimizer sgd(lr: 0.1) }}",
        'checkpoint "point_{i}"',
        "forget layers[-2..] 30% by: smallest",
        "relearn 100 steps  # and again",
    ]
    return lines(block, n)


def python_text(n):
    block = [
        "attack_{i} = pgd(eps=8 / 255, step=2 / 255, iters=10)",
        "objective(adversarial(attack_{i}))",
        "train(epochs=2, optimizer=sgd(lr=0.1))",
        'checkpoint("point_{i}", keep=True, when="always")',
        "forget(layers[-2:], 0.3, by=smallest)",
        "relearn(steps=100)  # and again",
    ]
    names = "from trainer import adversarial, checkpoint, forget, layers, objective, pgd, relearn, sgd, smallest, train\n"
    return (names if n > 1 else "") + lines(block, n)


def toml_text(n):
    block = [
        "[step_{i}]",
        "attack = {{ eps = 0.0313725, step = 0.0078431, iters = 10 }}",
        'objective = "adversarial"',
        "train = {{ epochs = 2, optimizer = 'sgd', lr = 0.1 }}",
        "forget = {{ layers = [-2, -1], share = 0.3 }}",
        "relearn = 100  # and again",
    ]
    return lines(block, n)


def lines(block, n):
    text = [block[k % len(block)].format(i=k // len(block)) for k in range(n)]
    return "\n".join(text) + "\n"


def once(command, stdin):
    """Wall seconds and MiB of the largest resident set."""
    with open(stdin) if stdin else open(os.devnull) as given:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_maxrss / 1024, code


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    if not FSCHED.exists():
        sys.exit("no target/release/fsched: `cargo build --release` first")
    if not (PEERS / "bin/taplo").exists():
        venv.create(PEERS, with_pip=True)
        subprocess.run([PEERS / "bin/pip", "install", "--quiet", *PACKAGES], check=True)
    ruff, taplo = PEERS / "bin/ruff", PEERS / "bin/taplo"
    print("| work | lines | fsched ms | ruff ms | taplo ms | ratio to ruff | to taplo | MiB fsched, ruff, taplo |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for n in LINES:
            # `model` and `train` alone in a file of one line: what it takes to start and to say what is wrong.
            texts = {"fsched": fsched_text(n), "py": python_text(n), "toml": toml_text(n)}
            if n == 1:
                texts = {"fsched": "trian 10\n", "py": "trian(10\n", "toml": "train = [10\n"}
            files = {}
            for kind, text in texts.items():
                files[kind] = Path(folder) / f"program_{n}.{kind}"
                files[kind].write_text(text)
            works = {
                "check" if n > 1 else "start to first diagnostic": [
                    ([FSCHED, "check", "--format", "short", files["fsched"]], None),
                    ([ruff, "check", "--isolated", "--no-cache", "--quiet", "--select", "E4,E7,E9,F", files["py"]], None),
                    ([taplo, "check", files["toml"]], None),
                ],
            }
            if n > 1:
                works["format"] = [
                    ([FSCHED, "fmt", "-"], files["fsched"]),
                    ([ruff, "format", "--isolated", "--no-cache", "-"], files["py"]),
                    ([taplo, "fmt", "-"], files["toml"]),
                ]
            for work, commands in works.items():
                few = rounds if n < 100_000 else max(3, rounds // 3)
                seen = [[once(*c) for c in commands] for _ in range(few)]
                ms = [statistics.median(s[k][0] for s in seen) * 1e3 for k in range(3)]
                mib = [max(s[k][1] for s in seen) for k in range(3)]
                failed = [k for k in range(3) if any((s[k][2] != 0) != (n == 1) for s in seen)]
                if failed:
                    sys.exit(f"{work}, {n} lines: {[str(commands[k][0][0]) for k in failed]} ended unexpectedly")
                size = ", ".join(f"{len(t) / 1024:.0f}" for t in texts.values())
                lines_shown = f"{n:,} ({size} KiB)" if n > 1 else "1"
                print(
                    f"| {work} | {lines_shown} | {ms[0]:.1f} | {ms[1]:.1f} | {ms[2]:.1f} | **{ms[0] / ms[1]:.2f}** "
                    f"| **{ms[0] / ms[2]:.2f}** | {mib[0]:.0f}, {mib[1]:.0f}, {mib[2]:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
