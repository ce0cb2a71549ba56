"""The measurements of benches/step.rs in PyTorch. Usage: python benches/step_torch.py [threads]"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else torch.get_num_threads())
torch.manual_seed(1)


def block(inputs):
    return [nn.Conv2d(inputs, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)]


network = nn.Sequential(*block(1), *block(32), *block(32), nn.Flatten(), nn.Linear(288, 10))
optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
images, labels = torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))


def train_step():
    optimizer.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    optimizer.step()


def attack_pass():
    x = images.clone().requires_grad_()
    torch.autograd.grad(F.cross_entropy(network(x), labels), x)


def measure(work):
    for _ in range(10):
        work()
    times = []
    for _ in range(60):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times)[30]


print("torch", torch.__version__, "threads", torch.get_num_threads())
# Frozen weights: autograd then forms the gradient of the input alone.
network.requires_grad_(False)
print(f"attack pass  {measure(attack_pass):8.2f} ms")
network.requires_grad_(True)
print(f"train step   {measure(train_step):8.2f} ms")
