"""Reference values for LoRA. Writes language/adapter_llama, language/adapter_llava and lora.safetensors beside this file.

The models are those of make_language.py; PEFT puts adapters beside projections of the decoder, numbers at random, and saves
them. Beside them the logits with the adapters, and the gradients of all factors of a mean cross-entropy, in f64.
Needs torch, transformers and peft.

Usage: python tests/goldens/make_lora.py
"""

import json
import pathlib
import shutil

import peft
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

torch.manual_seed(11)
torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
cases = {case["name"]: case for case in json.loads((here / "language.json").read_text())["cases"]}
given = load_file(here / "language.safetensors")
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
tensors = {}


def one(name, model, case, config, **more):
    model = get_peft_model(model, config)
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "lora_" in key:
                p.copy_(torch.randn(p.shape) * 0.3)
    shutil.rmtree(here / "language" / f"adapter_{name}", ignore_errors=True)
    model.save_pretrained(here / "language" / f"adapter_{name}")
    model = model.double().eval()
    ids, real = torch.tensor(case["ids"]), torch.tensor(case["real"])
    logits = model(input_ids=ids, attention_mask=real.long(), **more).logits
    tensors[f"{name}.logits"] = logits[real].detach().float().contiguous()
    # The next token is learned wherever there is one, from the third position on.
    labels = torch.where(real, ids, -100)[:, 1:].clone()
    labels[:, :2] = -100
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels.reshape(-1))
    tensors[f"{name}.loss"] = loss.detach().float().reshape(1)
    tensors[f"{name}.labels"] = labels.contiguous()
    loss.backward()
    for key, p in model.named_parameters():
        if p.grad is not None:
            tensors[f"{name}.d.{key}"] = p.grad.float().contiguous()


folder = here / "language"
llama = LlamaForCausalLM.from_pretrained(folder / "llama")
config = LoraConfig(r=3, lora_alpha=6, lora_dropout=0.0, target_modules=["q_proj", "v_proj", "down_proj"])
one("llama", llama, cases["llama.right"], config)
llava = LlavaForConditionalGeneration.from_pretrained(folder / "llava")
targets = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
config = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.05, target_modules=targets, use_rslora=True)
seen = ((given["llava.pixels"] - MEAN) / STD).double()
one("llava", llava, cases["llava"], config, pixel_values=seen)
for path in folder.glob("adapter_*/README.md"):
    path.unlink()
for path in folder.glob("adapter_*/adapter_config.json"):
    # The base model's path is where this script ran.
    config = json.loads(path.read_text()) | {"base_model_name_or_path": path.parent.name.removeprefix("adapter_")}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
print("peft", peft.__version__)
save_file(tensors, here / "lora.safetensors")
