"""The two sides as processes that answer requests."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# How PyTorch's idle OpenMP threads wait: spinning for a while, or asleep at once.
POLICIES = {"default": {}, "passive": {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}}


class SideError(Exception):
    """What a side could not do."""


def busy_seconds():
    """Processor time used so far, by all processes."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Side:
    """A process that holds one open case."""

    def __init__(self, command, threads, environment):
        variables = ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")
        environment = {**{k: v for k, v in os.environ.items() if k not in variables}, **environment}
        environment |= {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)

    def ask(self, do, **arguments):
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise SideError(f"the process has ended with {self.process.wait()}") from None
        line = self.process.stdout.readline()
        if not line:
            raise SideError(f"the process ended with {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise SideError(reply["error"])
        return reply

    def times(self, work, count):
        return self.ask("run", work=work, count=count)["ms"]

    def seconds(self):
        """Processor time used so far, by all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sides:
    """Starts processes when they are first asked for, and keeps them."""

    def __init__(self, ours):
        self.command = [ours]
        self.kept = {}

    def fresh_ours(self, threads):
        return Side(self.command, threads, {})

    def fresh_torch(self, threads, policy):
        return Side([sys.executable, str(HERE / "torch_side.py")], threads, POLICIES[policy])

    def ours(self, threads):
        return self.keep(("ours", threads), lambda: self.fresh_ours(threads))

    def torch(self, threads, policy):
        return self.keep(("torch", threads, policy), lambda: self.fresh_torch(threads, policy))

    def keep(self, key, start):
        if key not in self.kept:
            self.kept[key] = start()
        return self.kept[key]

    def close(self):
        for side in self.kept.values():
            side.close()
