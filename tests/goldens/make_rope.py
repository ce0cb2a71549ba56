"""Reference frequencies of rotary positions as Llama's configurations scale them. Writes rope.json beside this file: each case a
`config.json`'s fields and the frequencies that transformers (5.23.0) makes of them, in f64 from its f32.

Needs torch and transformers.

Usage: python tests/goldens/make_rope.py
"""

import json
import pathlib

import transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LLAMA3 = {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3 |= {"original_max_position_embeddings": 8192}
CASES = [
    {"rope_type": "default", "rope_theta": 10000.0},
    {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
    LLAMA3 | {"rope_theta": 500000.0},
    LLAMA3 | {"rope_theta": 500000.0, "factor": 8.0, "high_freq_factor": 2.0},
]

found = []
for parameters in CASES:
    config = LlamaConfig(hidden_size=128, num_attention_heads=2, max_position_embeddings=131072, rope_parameters=parameters)
    frequencies = LlamaRotaryEmbedding(config).inv_freq.double().tolist()
    found.append({"rope_parameters": parameters, "frequencies": frequencies})
text = json.dumps({"transformers": transformers.__version__, "head": 64, "cases": found}, indent=1)
pathlib.Path(__file__).with_name("rope.json").write_text(text + "\n")
