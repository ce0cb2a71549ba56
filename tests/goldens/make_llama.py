"""Reference values for the operations of a decoder. Writes llama.safetensors and llama.json beside this file.

Operations: PyTorch (attention, swiglu, embedding, rms_norm) and transformers (rope); a case gives inputs, output `y`, a
gradient `dy` of the output and the gradients of the inputs. Whole steps: transformers' LlamaForCausalLM of two layers
with grouped heads, a left-padded batch and ignored labels: loss, logits of real positions, gradients of every weight;
and the same with PEFT's LoRA on all projections, base frozen. Weights and inputs are f32; all is computed in f64 (but
for the normalization of transformers, which insists on f32).
Needs torch, transformers and peft.

Usage: python tests/goldens/make_llama.py
"""

import json
import os
import struct

import peft
import torch
import torch.nn.functional as F
import transformers
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

torch.manual_seed(30)
tensors, cases = {}, []


def save(name, tensor):
    tensors[name] = tensor.detach().to(torch.float32).contiguous()


def case(name, op, f, inputs, **options):
    """`inputs`: name to f32 tensor; gradients are recorded for all."""
    leaves = {}
    for key, tensor in inputs.items():
        save(f"{name}.{key}", tensor)
        leaves[key] = tensor.double().requires_grad_()
    y = f(*leaves.values())
    dy = torch.randn(y.shape)
    save(f"{name}.y", y)
    save(f"{name}.dy", dy)
    y.backward(dy.double())
    for key, leaf in leaves.items():
        save(f"{name}.d{key}", leaf.grad)
    cases.append({"name": name, "op": op, "inputs": list(inputs), **options})


for d in (8, 65):
    f = lambda x, w: F.rms_norm(x, w.shape, w, 1e-5)
    case(f"rms_norm_{d}", "rms_norm", f, {"x": torch.randn(2, 3, d), "w": torch.randn(d)})

case("swiglu", "swiglu", lambda gate, up: F.silu(gate) * up, {"gate": torch.randn(5, 24) * 4, "up": torch.randn(5, 24)})

ids = [3, 0, 3, 6, 3]
case("embedding", "embedding", lambda t: F.embedding(torch.tensor(ids), t), {"table": torch.randn(7, 5)}, ids=ids)


def config(**more):
    sizes = {"hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 40}
    sizes |= {"num_hidden_layers": 2, "vocab_size": 31, "max_position_embeddings": 64, "rms_norm_eps": 1e-5}
    return transformers.LlamaConfig(**{**sizes, **more}, attn_implementation="sdpa", pad_token_id=0)


def turned(x, offset):
    """x (B, T, H, d) turned by transformers, from position `offset` on."""
    heads = x.shape[3]
    positions = torch.arange(offset, offset + x.shape[1])[None]
    settings = config(hidden_size=heads, num_attention_heads=1, num_key_value_heads=1)
    inverse = 1 / 10000 ** (torch.arange(0, heads, 2).double() / heads)
    rotary = LlamaRotaryEmbedding(settings)
    assert torch.allclose(rotary.inv_freq.double(), inverse)
    angles = torch.cat([positions[..., None] * inverse] * 2, -1)
    return apply_rotary_pos_emb(x, x, angles.cos(), angles.sin(), unsqueeze_dim=2)[0]


for d, offset in ((8, 0), (24, 5)):
    case(f"rope_{d}", "rope", lambda x: turned(x, offset), {"x": torch.randn(2, 3, 2, d)}, offset=offset, theta=10000.0)


def attention(batch, length, heads, kv_heads, d, real=None):
    def f(q, k, v):
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        seen = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
        if real is not None:
            seen = seen & torch.tensor(real)[:, None, None]
        # A query that sees nothing gives zeros, here as there.
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)
        return torch.where(seen.any(-1, keepdim=True), y, torch.zeros_like(y)).transpose(1, 2)

    q = torch.randn(batch, length, heads, d) * 2
    k, v = (torch.randn(batch, length, kv_heads, d) for _ in range(2))
    name = f"attention_{batch}x{length}x{heads}x{kv_heads}x{d}" + ("_masked" if real else "")
    case(name, "attention", f, {"q": q, "k": k, "v": v}, mask=real)


attention(1, 1, 1, 1, 8)
attention(2, 17, 2, 1, 8)
attention(1, 33, 1, 1, 24)
attention(2, 5, 4, 2, 8, real=[[False, False, True, True, True], [True, True, True, False, True]])


def step(name, rank=None):
    """A whole step on a left-padded batch."""
    torch.manual_seed(31)
    model = transformers.LlamaForCausalLM(config())
    with torch.no_grad():
        for key, weight in model.named_parameters():
            weight.copy_(torch.randn(weight.shape) * (0.3 if weight.dim() == 2 else 1) + (weight.dim() == 1))
    if rank:
        names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        settings = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, init_lora_weights=False)
        model = peft.get_peft_model(model, settings)
    prefix = lambda key: key.replace("base_model.model.", "").replace("base_layer.", "").replace(".default", "")
    for key, weight in model.named_parameters():
        # The frozen weights are those of the step without adapters.
        if rank is None or weight.requires_grad:
            save(f"{name}.{prefix(key)}", weight)
    model = model.double()
    ids = torch.randint(1, 31, (2, 9))
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[0, :3] = 0
    labels = torch.where(mask.bool(), ids, -100)
    labels[1, :4] = -100
    positions = torch.arange(9)[None].expand(2, 9)
    out = model(input_ids=ids, attention_mask=mask, labels=labels, position_ids=positions)
    out.loss.backward()
    save(f"{name}.logits", out.logits[mask.bool()])
    for key, weight in model.named_parameters():
        if weight.requires_grad:
            save(f"{name}.d.{prefix(key)}", weight.grad)
    shifted = F.pad(labels, (0, 1), value=-100)[:, 1:]
    facts = {"name": name, "op": "step", "ids": ids.tolist(), "mask": mask.bool().tolist(), "labels": shifted.tolist()}
    cases.append({**facts, "loss": out.loss.item(), "rank": rank, "heads": 3, "kv_heads": 1, "layers": 2})


step("full")
step("lora", rank=2)


def write_safetensors(path):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


here = os.path.dirname(os.path.abspath(__file__))
write_safetensors(os.path.join(here, "llama.safetensors"))
versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
with open(os.path.join(here, "llama.json"), "w") as file:
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')
