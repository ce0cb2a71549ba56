"""The networks of the comparison in PyTorch, with the names and numbers of this crate's models."""

import torch
import torch.nn.functional as F
from torch import nn


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose running statistics can be left alone in train mode, as an attack's passes need it."""

    update_statistics = True

    def forward(self, x):
        if self.update_statistics or not self.training:
            return super().forward(x)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


class PreActBlock(nn.Module):
    """h = relu(bn1(x)); conv2(relu(bn2(conv1(h)))) + (shortcut(h) where the shape changes, else x)"""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = BatchNorm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = BatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        h = F.relu(self.bn1(x))
        beside = self.shortcut(h) if hasattr(self, "shortcut") else x
        return self.conv2(F.relu(self.bn2(self.conv1(h)))) + beside


class PreActResNet18(nn.Module):
    """src/components/models/preact_resnet18.rs"""

    def __init__(self, input, classes, width):
        super().__init__()
        self.conv1 = nn.Conv2d(input[0], width, 3, 1, 1, bias=False)
        channels = width
        for stage in range(4):
            outputs, stride = width << stage, 1 if stage == 0 else 2
            blocks = [PreActBlock(channels, outputs, stride), PreActBlock(outputs, outputs, 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            channels = outputs
        self.bn = BatchNorm(channels)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        return self.linear(F.relu(self.bn(x)).mean((2, 3)))


class ConvBlock(nn.Module):
    """Convolution with bias, batch norm, ReLU, 2x2 max-pool."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.norm = BatchNorm(outputs)

    def forward(self, x):
        return F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)


class Convnet(nn.Module):
    """src/components/models/convnet.rs"""

    def __init__(self, input, classes, blocks, width):
        super().__init__()
        channels, side = input[0], input[1]
        self.encoder = nn.Sequential()
        for block in range(1, blocks + 1):
            self.encoder.add_module(f"block{block}", ConvBlock(channels, width))
            channels, side = width, side // 2
        self.classifier = nn.Linear(channels * side * side, classes)

    def forward(self, x):
        return self.classifier(self.encoder(x).flatten(1))


class Mlp(nn.Module):
    """src/components/models/mlp.rs"""

    def __init__(self, input, classes, hidden):
        super().__init__()
        widths = [input[0] * input[1] * input[2], *hidden]
        for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            setattr(self, f"fc{i + 1}", nn.Linear(inputs, outputs))
        self.hidden = len(hidden)
        setattr(self, f"fc{self.hidden + 1}", nn.Linear(widths[-1], classes))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(self.hidden):
            x = F.relu(getattr(self, f"fc{i + 1}")(x))
        return getattr(self, f"fc{self.hidden + 1}")(x)


MODELS = {"preact_resnet18": PreActResNet18, "convnet": Convnet, "mlp": Mlp}
