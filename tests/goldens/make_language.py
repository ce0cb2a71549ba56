"""Reference values for whole language models. Writes language/ and language.safetensors, language.json beside this file.

`language/llama` and `language/llava` are folders as transformers saves them (LlamaForCausalLM with grouped heads and a tied
embedding, in one file; LlavaForConditionalGeneration with a CLIP tower, in several), weights at random. Beside them the
logits of every real position of padded batches, in f64, and greedy continuations.
Needs torch and transformers.

Usage: python tests/goldens/make_language.py
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration

torch.manual_seed(7)
torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
folder = here / "language"
shutil.rmtree(folder, ignore_errors=True)
tensors, cases = {}, []
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def spread(model):
    """Weights far enough from zero that every part of the model shows in the logits."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn(p.shape) * 0.3 + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
    return model


def text(**changes):
    numbers = dict(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4)
    numbers |= dict(num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.3)
    return LlamaConfig(**(numbers | changes))


def padded(rows, left):
    length = max(map(len, rows))
    ids, mask = [], []
    for row in rows:
        fill = [0] * (length - len(row))
        ids.append(fill + row if left else row + fill)
        mask.append([0] * len(fill) + [1] * len(row) if left else [1] * len(row) + [0] * len(fill))
    return torch.tensor(ids), torch.tensor(mask)


# A decoder alone.
llama = spread(LlamaForCausalLM(text(tie_word_embeddings=True, rope_theta=5e3)))
llama.save_pretrained(folder / "llama")
llama = llama.double().eval()
rows = [[3, 9, 27, 31, 43, 7, 18], [5, 5, 1, 44], [2]]
for left in (False, True):
    ids, mask = padded(rows, left)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        logits = llama(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    name = "llama.left" if left else "llama.right"
    tensors[f"{name}.logits"] = logits[mask.bool()].float().contiguous()
    cases.append({"name": name, "model": "llama", "ids": ids.tolist(), "real": mask.bool().tolist()})
with torch.no_grad():
    made = [llama.generate(torch.tensor([row]), max_new_tokens=8, do_sample=False, eos_token_id=None)[0] for row in rows]
cases.append({"name": "llama.greedy", "prompts": rows, "continuations": [m[len(r) :].tolist() for m, r in zip(made, rows)]})

# One that sees.
vision = CLIPVisionConfig(
    hidden_size=8, intermediate_size=12, num_hidden_layers=3, num_attention_heads=2, image_size=16, patch_size=8
)
IMAGE, TOKENS = 48, 4
config = LlavaConfig(vision_config=vision, text_config=text(), image_token_index=IMAGE, image_seq_length=TOKENS)
llava = spread(LlavaForConditionalGeneration(config))
llava.save_pretrained(folder / "llava", max_shard_size="6KB")
llava = llava.double().eval()
image = [IMAGE] * TOKENS
rows = [[1, *image, 9, 27, 31, 43], [5, 6, 7, *image, 44], [2, 3]]
ids, mask = padded(rows, False)
pixels = torch.rand(2, 3, 16, 16)
tensors["llava.pixels"] = pixels
with torch.no_grad():
    seen = ((pixels - MEAN) / STD).double()
    logits = llava(input_ids=ids, attention_mask=mask, pixel_values=seen).logits
tensors["llava.logits"] = logits[mask.bool()].float().contiguous()
pictures = [(row * ids.shape[1]) + r.index(IMAGE) for row, r in enumerate(rows) if IMAGE in r]
cases.append({"name": "llava", "model": "llava", "ids": ids.tolist(), "real": mask.bool().tolist(), "pictures": pictures})

for path in folder.glob("*/generation_config.json"):
    path.unlink()
save_file(tensors, here / "language.safetensors")
versions = {"torch": torch.__version__, "transformers": transformers.__version__}
(here / "language.json").write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
