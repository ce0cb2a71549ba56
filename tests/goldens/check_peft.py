"""Loads adapters that fsched wrote in PEFT, and compares the logits with those of lora.safetensors.

    FSCHED_PEFT=/tmp/adapters cargo test --lib adapters_for_peft -- --ignored
    python tests/goldens/check_peft.py /tmp/adapters

Needs torch, transformers and peft (make_lora.py says which it was made with).
"""

import json
import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

here, written = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1])
cases = {case["name"]: case for case in json.loads((here / "language.json").read_text())["cases"]}
given, goldens = load_file(here / "language.safetensors"), load_file(here / "lora.safetensors")
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
seen = {"pixel_values": ((given["llava.pixels"] - MEAN) / STD).double()}
worst = 0.0
for name, kind, case, more in [
    ("llama", LlamaForCausalLM, "llama.right", {}),
    ("llava", LlavaForConditionalGeneration, "llava", seen),
]:
    model = PeftModel.from_pretrained(kind.from_pretrained(here / "language" / name), written / name).double().eval()
    ids, real = torch.tensor(cases[case]["ids"]), torch.tensor(cases[case]["real"])
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=real.long(), **more).logits[real]
    error = (logits.float() - goldens[f"{name}.logits"]).abs().max().item()
    print(f"{name}: logits differ by {error:.1e}")
    worst = max(worst, error)
sys.exit(worst > 1e-4)
