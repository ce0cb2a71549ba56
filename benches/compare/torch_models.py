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


class Lora(nn.Linear):
    """A frozen linear layer and its low-rank update, as PEFT computes it without dropout."""

    def __init__(self, inputs, outputs, rank, scale):
        super().__init__(inputs, outputs, bias=False)
        self.weight.requires_grad_(False)
        self.lora_A = nn.Linear(inputs, rank, bias=False)
        self.lora_B = nn.Linear(rank, outputs, bias=False)
        self.scale = scale

    def forward(self, x):
        return super().forward(x) + self.lora_B(self.lora_A(x)) * self.scale


def rotate_half(x):
    a, b = x.chunk(2, -1)
    return torch.cat([-b, a], -1)


class Attention(nn.Module):
    def __init__(self, linear, width, heads, kv_heads):
        super().__init__()
        self.heads, self.kv_heads, self.d = heads, kv_heads, width // heads
        self.q_proj = linear(width, width)
        self.k_proj = linear(width, kv_heads * self.d)
        self.v_proj = linear(width, kv_heads * self.d)
        self.o_proj = linear(width, width)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        heads = lambda y, n: y.view(batch, length, n, self.d).transpose(1, 2)
        q, k = heads(self.q_proj(x), self.heads), heads(self.k_proj(x), self.kv_heads)
        q, k = (y * cos + rotate_half(y) * sin for y in (q, k))
        grouped = self.heads != self.kv_heads
        v = heads(self.v_proj(x), self.kv_heads)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


class Gated(nn.Module):
    def __init__(self, linear, width, middle):
        super().__init__()
        self.gate_proj, self.up_proj = linear(width, middle), linear(width, middle)
        self.down_proj = linear(middle, width)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, linear, width, heads, kv_heads, middle):
        super().__init__()
        self.self_attn = Attention(linear, width, heads, kv_heads)
        self.mlp = Gated(linear, width, middle)
        self.input_layernorm = nn.RMSNorm(width, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=1e-5)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """benches/compare/ours/decoder.rs, under Hugging Face's names"""

    def __init__(self, case):
        super().__init__()
        width, d = case["width"], case["width"] // case["heads"]
        rank = case["rank"]
        linear = (lambda i, o: Lora(i, o, rank, 2.0)) if rank else (lambda i, o: nn.Linear(i, o, bias=False))
        layer = lambda: DecoderLayer(linear, width, case["heads"], case["kv_heads"], case["middle"])
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(case["vocabulary"], width)
        self.model.layers = nn.ModuleList(layer() for _ in range(case["layers"]))
        self.model.norm = nn.RMSNorm(width, eps=1e-5)
        self.lm_head = nn.Linear(width, case["vocabulary"], bias=False)
        frequencies = 1 / 10000 ** (torch.arange(0, d, 2).double() / d)
        angles = torch.outer(torch.arange(case["length"]).double(), frequencies)
        angles = torch.cat([angles, angles], -1)
        self.cos, self.sin = angles.cos().float(), angles.sin().float()
        if rank:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_("lora_" in name)

    def forward(self, ids):
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, self.cos, self.sin)
        return self.lm_head(self.model.norm(x)).flatten(0, 1)


MODELS = {"preact_resnet18": PreActResNet18, "convnet": Convnet, "mlp": Mlp}
