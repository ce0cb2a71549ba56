"""PyTorch's side of the comparison: answers the requests of benches/compare/ours/main.rs, one JSON object a line.

`open` takes a `variant` besides the case: memory format `nchw` or `nhwc`, and whether the network goes through
torch.compile. Threads by OMP_NUM_THREADS. Usage: python torch_side.py, driven by run.py.
"""

import json
import os
import resource
import struct
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from torch_models import MODELS, BatchNorm, Decoder


def read_safetensors(path):
    """Tensors by name: 8 bytes of length, a JSON header with types, shapes and offsets, the numbers."""
    data = Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    types = {"F32": torch.float32, "I64": torch.int64}
    tensors = {}
    for name, facts in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, end = (8 + length + offset for offset in facts["data_offsets"])
            numbers = torch.frombuffer(bytearray(data[start:end]), dtype=types[facts["dtype"]])
            tensors[name] = numbers.reshape(facts["shape"])
    return tensors


class Images:
    """A network for images on one batch: the steps of network.rs."""

    def __init__(self, case, variant, folder):
        torch.manual_seed(1)
        self.format = torch.channels_last if variant["format"] == "nhwc" else torch.contiguous_format
        network = MODELS[case["model"]](case["input"], case["classes"], **case["arguments"])
        if folder:
            network.load_state_dict(read_safetensors(Path(folder) / "weights.safetensors"))
            batch = read_safetensors(Path(folder) / "batch.safetensors")
            images, self.labels = batch["inputs"], batch["targets"]
        else:
            images = torch.rand(case["batch"], *case["input"])
            self.labels = torch.randint(0, case["classes"], (case["batch"],))
        self.images = images.contiguous(memory_format=self.format)
        self.network = network.to(memory_format=self.format)
        self.norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
        self.forward = torch.compile(self.network) if variant["compile"] else self.network
        self.optimizer = torch.optim.SGD(network.parameters(), fused=True, **case["optimizer"])
        self.attack = case["attack"]

    def parameters(self):
        return sum(p.numel() for p in self.network.parameters())

    def train_on(self, images):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.forward(images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def step(self):
        return self.train_on(self.images)

    def attack_mode(self, on):
        """Batch statistics with the running ones untouched, and no gradient of a weight."""
        self.network.requires_grad_(not on)
        for norm in self.norms:
            norm.update_statistics = not on

    def attack_pass(self, images):
        x = images.detach().requires_grad_()
        return torch.autograd.grad(F.cross_entropy(self.forward(x), self.labels), x)[0]

    def pgd(self, random_start):
        eps, step = self.attack["eps"], self.attack["step"]
        x = self.images.clone()
        if random_start:
            x.add_(torch.empty_like(x).uniform_(-eps, eps)).clamp_(0, 1)
        low, high = (self.images - eps).clamp_(0, 1), (self.images + eps).clamp_(0, 1)
        self.attack_mode(True)
        for _ in range(self.attack["iters"]):
            gradient = self.attack_pass(x)
            with torch.no_grad():
                x = torch.clamp(x.add(gradient.sign_(), alpha=step), low, high)
        self.attack_mode(False)
        return x

    def attack_once(self):
        self.attack_mode(True)
        self.attack_pass(self.images)
        self.attack_mode(False)

    def adversarial(self, random_start=True):
        return self.train_on(self.pgd(random_start))

    def evaluate(self):
        self.network.eval()
        with torch.inference_mode():
            loss = F.cross_entropy(self.forward(self.images), self.labels).item()
        self.network.train()
        return loss

    def losses(self):
        steps = [self.step() for _ in range(3)]
        return {"step": steps, "evaluate": [self.evaluate()], "adversarial": [self.adversarial(False)]}


class Layer:
    """A single convolution: the work of layer.rs."""

    def __init__(self, case, variant, folder):
        format = torch.channels_last if variant["format"] == "nhwc" else torch.contiguous_format
        kernel, self.stride, self.padding = case["kernel"], case["stride"], case["kernel"] // 2
        self.x = torch.randn(case["batch"], case["input"], case["side"], case["side"]).contiguous(memory_format=format)
        w = torch.randn(case["output"], case["input"], kernel, kernel)
        self.w = w.contiguous(memory_format=format)
        self.dy = torch.randn_like(self.forward())

    def parameters(self):
        return self.w.numel()

    def forward(self):
        with torch.no_grad():
            return F.conv2d(self.x, self.w, None, self.stride, self.padding)

    def backward(self, mask):
        stride, padding = [self.stride] * 2, [self.padding] * 2
        return torch.ops.aten.convolution_backward(
            self.dy, self.x, self.w, None, stride, padding, [1, 1], False, [0, 0], 1, mask
        )

    def input_gradient(self):
        self.backward([True, False, False])

    def weight_gradient(self):
        self.backward([False, True, False])


class Tokens:
    """A decoder on one batch of token ids: the step of decoder.rs."""

    def __init__(self, case, variant, folder):
        torch.manual_seed(1)
        self.network = Decoder(case)
        if folder:
            self.network.load_state_dict(read_safetensors(Path(folder) / "weights.safetensors"))
            batch = read_safetensors(Path(folder) / "batch.safetensors")
            self.ids, self.targets = batch["inputs"], batch["targets"].flatten()
        else:
            self.ids = torch.randint(0, case["vocabulary"], (case["batch"], case["length"]))
            self.targets = torch.randint(0, case["vocabulary"], (self.ids.numel(),))
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        self.forward = torch.compile(self.network) if variant["compile"] else self.network
        self.optimizer = torch.optim.SGD(self.trained, lr=case["lr"], fused=True)

    def parameters(self):
        return sum(p.numel() for p in self.trained)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.forward(self.ids), self.targets)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def losses(self):
        return {"step": [self.step() for _ in range(3)]}


KINDS = {"images": Images, "layer": Layer, "decoder": Tokens}


def status(field):
    """A line of /proc/self/status, KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return True
    except OSError:
        return False


def minor_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class Side:
    def __init__(self):
        self.case = None

    def about(self, _):
        return {
            "version": torch.__version__,
            "isa": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }

    def open(self, request):
        self.case = None
        torch.compiler.reset()
        self.case = KINDS[request["case"]["kind"]](request["case"], request["variant"], request.get("folder"))
        return {"parameters": self.case.parameters()}

    def losses(self, _):
        return self.case.losses()

    def run(self, request):
        work, times, faults = getattr(self.case, request["work"]), [], minor_faults()
        for _ in range(request["count"]):
            start = time.perf_counter()
            work()
            times.append((time.perf_counter() - start) * 1e3)
        return {"ms": times, "faults": minor_faults() - faults}

    def peak(self, request):
        before, reset = status("VmRSS"), reset_peak()
        for _ in range(request["count"]):
            getattr(self.case, request["work"])()
        return {"before": before, "peak": status("VmHWM"), "reset": reset}


def main():
    # Answers alone go to the standard output; what libraries print goes to the standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = Side()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(side, request["do"])(request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
