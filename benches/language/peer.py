"""transformers' and PEFT's side of the comparison: answers the requests of ours.rs, one JSON object a line.

`prepare` makes the folders that both sides read: the model, an adapter of PEFT's, a batch of tokens and pixels.
Threads by OMP_NUM_THREADS. Usage: python peer.py, driven by run.py.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPVisionConfig, LlamaConfig
from transformers import LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "compare"))
from torch_side import minor_faults, reset_peak, status  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

RANK, ALPHA, BATCH, LENGTH, TOKENS = 16, 32, 8, 128, 64
PROMPT = "<|im_start|>user\nTell a very long story about a fox and a river.<|im_end|>\n<|im_start|>assistant\n"
PROJECTIONS = r"\.layers\.\d+\.(self_attn|mlp)\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

# SmolLM2-135M behind the tower of ViT-B/32.
TEXT = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
}
TOWER = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "projection_dim": 512,
}
PICTURE = 49151
VECTORS = (224 // 32) ** 2


def adapt(model, folder, decoder):
    """An adapter of all linear layers of the decoder's blocks. Both factors start away from zero, so that the gradients of
    both count."""
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=decoder + PROJECTIONS)
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.01 * torch.randn(parameter.shape))
    model.save_pretrained(folder / "adapter")


def prepare_text(folder, gguf):
    gguf = Path(gguf).resolve()
    found = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # A model of its own: what was read from GGUF says that it is quantized, and is not saved.
    model = LlamaForCausalLM(LlamaConfig(**TEXT))
    model.load_state_dict(found.state_dict())
    model.save_pretrained(folder / "model")
    adapt(model, folder, r".*")
    draw = random.Random(1)
    ids = [[draw.randrange(TEXT["vocab_size"]) for _ in range(LENGTH)] for _ in range(BATCH)]
    prompt = tokenizer(PROMPT, add_special_tokens=False)["input_ids"]
    batch = {"ids": ids, "picture": None, "prompt": prompt, "tokens": TOKENS}
    (folder / "batch.json").write_text(json.dumps(batch))


def prepare_seen(folder):
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**TOWER),
        text_config=LlamaConfig(**TEXT),
        image_token_index=PICTURE,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=VECTORS,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.save_pretrained(folder / "model")
    adapt(model, folder, r".*language_model.*")
    draw = random.Random(2)
    texts = [[draw.randrange(PICTURE) for _ in range(LENGTH - VECTORS)] for _ in range(BATCH)]
    ids = [text[:1] + [PICTURE] * VECTORS + text[1:] for text in texts]
    (folder / "batch.json").write_text(json.dumps({"ids": ids, "picture": 1, "prompt": ids[0], "tokens": TOKENS}))
    save_file({"pixels": torch.rand(BATCH, 3, 224, 224)}, folder / "pixels.safetensors")


def prepare(folder, gguf):
    torch.manual_seed(1)
    for name, make in (("text", lambda folder: prepare_text(folder, gguf)), ("seen", prepare_seen)):
        part = Path(folder) / name
        part.mkdir(parents=True, exist_ok=True)
        make(part)


class Bench:
    """A model with what it works on."""

    def __init__(self, folder, work, lr):
        folder = Path(folder)
        batch = json.loads((folder / "batch.json").read_text())
        self.work, self.tokens = work, batch["tokens"]
        self.ids, self.prompt = torch.tensor(batch["ids"]), torch.tensor([batch["prompt"]])
        kind = AutoModelForCausalLM if work in ("text", "write") else LlavaForConditionalGeneration
        self.model = kind.from_pretrained(folder / "model", dtype=torch.float32)
        if work == "write":
            self.model.eval()
            return
        self.model = PeftModel.from_pretrained(self.model, folder / "adapter", is_trainable=True).train()
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=0.0, fused=True)
        self.labels = torch.where(self.ids == PICTURE, -100, self.ids) if work != "text" else self.ids
        if work != "text":
            pixels = load_file(folder / "pixels.safetensors")["pixels"]
            self.pixels = (pixels - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
        if work == "features":
            self.inner = self.model.get_base_model().model
            with torch.no_grad():
                tower = self.inner.vision_tower(self.pixels, output_hidden_states=True)
            self.features = tower.hidden_states[-2][:, 1:].contiguous()

    def counts(self):
        of = lambda adapters: sum(p.numel() for n, p in self.model.named_parameters() if ("lora_" in n) == adapters)
        return {"frozen": of(False), "trained": of(True)}

    def inputs(self):
        if self.work == "text":
            return {"input_ids": self.ids}
        if self.work == "pixels":
            return {"input_ids": self.ids, "pixel_values": self.pixels}
        pictures = self.inner.multi_modal_projector(self.features)
        embedded = self.inner.get_input_embeddings()(self.ids)
        return {"inputs_embeds": embedded.masked_scatter((self.ids == PICTURE).unsqueeze(-1), pictures)}

    def run(self):
        if self.work == "write":
            limits = {"max_new_tokens": self.tokens, "min_new_tokens": self.tokens}
            with torch.inference_mode():
                made = self.model.generate(self.prompt, do_sample=False, pad_token_id=0, **limits)
            return made[0, self.prompt.shape[1] :].tolist()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model(**self.inputs(), labels=self.labels, use_cache=False).loss
        loss.backward()
        self.optimizer.step()
        return loss.item()


def answer(present, request):
    match request["do"]:
        case "about":
            versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
            isa = torch.backends.cpu.get_cpu_capability()
            return present, {**versions, "isa": isa, "threads": torch.get_num_threads()}
        case "prepare":
            prepare(request["folder"], request["gguf"])
            return None, {}
        case "open":
            bench = Bench(request["folder"], request["work"], request["lr"])
            return bench, bench.counts()
        case "run":
            times, results = [], []
            faults = minor_faults()
            for _ in range(request["count"]):
                start = time.perf_counter()
                results.append(present.run())
                times.append((time.perf_counter() - start) * 1e3)
            return present, {"ms": times, "results": results, "faults": minor_faults() - faults}
        case "peak":
            before, reset = status("VmRSS"), reset_peak()
            for _ in range(request["count"]):
                present.run()
            return present, {"before": before, "peak": status("VmHWM"), "reset": reset}
        case other:
            raise ValueError(f"there is no request {other}")


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    # Answers alone go to the standard output; what libraries print goes to the standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    present = None
    for line in sys.stdin:
        try:
            present, reply = answer(present, json.loads(line))
        except Exception as error:  # told to the driver, which goes on
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
