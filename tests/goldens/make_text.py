"""Makes tests/goldens/text: small tokenizers of each form, and what others make of texts and pictures.

    python tests/goldens/make_text.py

Versions: transformers 4.57.1 (the last with LLaMA's slow tokenizer, which LLaVA uses), tokenizers 0.22.1,
sentencepiece 0.2.3, protobuf, pillow 13.0.0, numpy. `INPUT` is any text of some 100 kB; here data of tinyshakespeare.
"""
import contextlib, gzip, hashlib, json, os, random, struct, sys, tempfile

import numpy as np
import sentencepiece
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessor, LlamaTokenizer, LlamaTokenizerFast, PreTrainedTokenizerFast

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "text")
SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
          "detailed, and polite answers to the user's questions.")
CHATML = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
          "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
          "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
IGNORED = 2**32 - 1
TEXTS = [
    "", " ", "What colour is the shape?", "  two  spaces and\ttabs\n\nand lines \n", "Zwölf Boxkämpfer, 東京 🦀🇩🇪 é",
    "it's I'll don't 1234567 3.14 x=y_2; (a) [b] {c}", "\n", "▁ is a space here", "a</s>b", "<s> a </s> b", "</s></s>",
    "USER: hello ASSISTANT: Good morrow</s>USER: and?", "\u0000 \u200b \ufeff control", "ends with a space ", "ﬁ ½ Å",
]
ITEMS = [
    {"picture": True, "turns": [["What colour is the shape?\nAnswer with one word.", "blue"]]},
    {"picture": False, "turns": [["Who is there?", "Nay, answer me: stand, and unfold yourself."]]},
    {"picture": True, "turns": [["Is this a shirt?", "No"], ["What is it then?", "A bag, 3 pounds 50."], ["Sure?", "Yes!"]]},
    {"picture": False, "turns": [["a", "b"], [" c ", " d "], ["é\n🦀", "東京\nis a city."]]},
    {"picture": True, "turns": [["", "A caption of the picture."]]},
    {"picture": True, "turns": [["First?", "one"], ["<image>\nAnd here?", "\nTwo lines\nhere"]]},
]


def corpus():
    with gzip.open(os.environ["INPUT"]) as f:
        text = f.read(100_000).decode()
    extra = ["What is shown? A chat between a curious user and an artificial intelligence assistant."] * 50
    return text.split("\n") + extra + ["USER: hello ASSISTANT: hello"] * 20 + ["1234567890 Zwölf é"] * 20


def byte_level(lines):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=True)
    made.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=512, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    folder = os.path.join(HERE, "bytes")
    os.makedirs(folder, exist_ok=True)
    # Padding and truncation, which readers have to leave out.
    made.enable_padding(length=16)
    made.enable_truncation(8)
    made.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    made.no_padding()
    made.no_truncation()
    config = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": {"content": "<|im_end|>"},
              "unk_token": "<|endoftext|>", "chat_template": CHATML}
    json.dump(config, open(os.path.join(folder, "tokenizer_config.json"), "w"))
    return made, special


def pieces(lines):
    folder = os.path.join(HERE, "pieces")
    os.makedirs(folder, exist_ok=True)
    # The file holds the name that it was made under, so that is always the same.
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_prefix="m", vocab_size=600, model_type="bpe", byte_fallback=True,
            character_coverage=0.9995, normalization_rule_name="identity", remove_extra_whitespaces=False,
            split_digits=True, allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2)
        model = open("m.model", "rb").read()
    open(os.path.join(folder, "tokenizer.model"), "wb").write(model)
    config = {"legacy": True, "add_bos_token": True, "add_eos_token": False, "bos_token": {"content": "<s>"},
              "eos_token": {"content": "</s>"}, "unk_token": {"content": "<unk>"}, "pad_token": None}
    json.dump(config, open(os.path.join(folder, "tokenizer_config.json"), "w"))
    make = lambda legacy: LlamaTokenizer(os.path.join(folder, "tokenizer.model"), legacy=legacy)
    fast = LlamaTokenizerFast(os.path.join(folder, "tokenizer.model"), legacy=False, from_slow=True)
    os.makedirs(os.path.join(HERE, "fast"), exist_ok=True)
    fast.backend_tokenizer.save(os.path.join(HERE, "fast/tokenizer.json"), pretty=False)
    json.dump({"eos_token": "</s>", "unk_token": "<unk>"}, open(os.path.join(HERE, "fast/special_tokens_map.json"), "w"))
    return make(True), make(False), fast


def gguf(name, values):
    """A GGUF file of these keys and no tensors."""
    text = lambda s: struct.pack("<Q", len(s.encode())) + s.encode()
    def value(v):
        if isinstance(v, bool): return 7, struct.pack("<?", v)
        if isinstance(v, int): return 4, struct.pack("<I", v)
        if isinstance(v, float): return 6, struct.pack("<f", v)
        if isinstance(v, str): return 8, text(v)
        parts = [value(x) for x in v]
        return 9, struct.pack("<IQ", parts[0][0], len(parts)) + b"".join(p[1] for p in parts)
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    for key, v in values.items():
        kind, raw = value(v)
        out += text(key) + struct.pack("<I", kind) + raw
    open(os.path.join(HERE, name), "wb").write(out)


def ggufs(made, special, slow):
    model = json.loads(made.to_str())["model"]
    tokens = [t for t, _ in sorted(model["vocab"].items(), key=lambda x: x[1])]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    key = "tokenizer.ggml."
    gguf("bytes.gguf", {
        "general.architecture": "llama", key + "model": "gpt2", key + "pre": "smollm", key + "tokens": tokens,
        key + "token_type": [3 if t in special else 1 for t in tokens], key + "merges": merges,
        key + "bos_token_id": 1, key + "eos_token_id": 2, key + "unknown_token_id": 0, key + "padding_token_id": 2,
        key + "add_bos_token": False, key + "add_space_prefix": False})
    sp = slow.sp_model
    kind = lambda i: 2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 1
    ids = range(sp.vocab_size())
    gguf("pieces.gguf", {
        "general.architecture": "llama", key + "model": "llama", key + "tokens": [sp.id_to_piece(i) for i in ids],
        key + "scores": [float(sp.get_score(i)) for i in ids], key + "token_type": [kind(i) for i in ids],
        key + "bos_token_id": 1, key + "eos_token_id": 2, key + "unknown_token_id": 0})


def vicuna(item):
    """The text, and its rounds without their ends."""
    rounds, first = [], True
    for i, (question, answer) in enumerate(item["turns"]):
        place = next((j for j, t in enumerate(item["turns"]) if t[0].startswith("<image>")), 0)
        if item["picture"] and i == place:
            question = ("<image>\n" + question.replace("<image>\n", "")).strip()
        rounds.append((SYSTEM + " " if i == 0 else "") + "USER: " + question + " ASSISTANT: " + answer)
    return "</s>".join(rounds) + "</s>", rounds


IMAGE = -200


def with_picture(tokenizer, text):
    ids = []
    for i, part in enumerate(text.split("<image>")):
        own = tokenizer(part).input_ids
        ids += own if i == 0 else [IMAGE] + own[1:]
    return ids


def llava(tokenizer, item):
    """Ids and targets by lengths, as section 6 of the method describes LLaVA's."""
    text, rounds = vicuna(item)
    ids = with_picture(tokenizer, text)
    targets = list(ids)
    at = 1
    targets[0] = IGNORED
    for i, one in enumerate(rounds):
        question = one[: one.index(" ASSISTANT: ") + len(" ASSISTANT: ")]
        # The first of a round's own tokens is the beginning, the last one of the question the space behind it.
        whole, asked = len(with_picture(tokenizer, one)), len(with_picture(tokenizer, question)) - 2
        if i > 0 and not getattr(tokenizer, "legacy", False):
            whole, asked = whole - 1, asked - 1
        targets[at : at + asked] = [IGNORED] * asked
        at += whole
    return out(ids, targets, at == len(ids))


def out(ids, targets, sound=True):
    """The picture's own place taken out."""
    at = ids.index(IMAGE) if IMAGE in ids else None
    keep = [i for i in range(len(ids)) if i != at]
    return {"ids": [ids[i] for i in keep], "targets": [targets[i] for i in keep], "image_at": at, "sound": sound}


def chatml(fast, item):
    place = next((j for j, t in enumerate(item["turns"]) if t[0].startswith("<image>")), 0)
    messages, ids, targets = [], [], []
    encode = lambda text: sum(([IMAGE] * (i > 0) + fast(part).input_ids for i, part in enumerate(text.split("<image>"))), [])
    for i, (question, answer) in enumerate(item["turns"]):
        if item["picture"] and i == place:
            question = ("<image>\n" + question.replace("<image>\n", "")).strip()
        messages.append({"role": "user", "content": question})
        asked = encode(fast.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        messages.append({"role": "assistant", "content": answer})
        ids = encode(fast.apply_chat_template(messages, tokenize=False))
        # All that is new is the answer, its end, and a line break.
        targets += [IGNORED] * (len(asked) - len(targets)) + ids[len(asked) : -1] + [IGNORED]
    return out(ids, targets)


def pixels(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 7 + y * 13 + c * 50 + x * y // 3 + (x // 5 + y // 4) % 2 * 90) % 256).astype(np.uint8)


def squared(picture):
    width, height = picture.size
    side = max(width, height)
    ground = Image.new("RGB", (side, side), tuple(int(255 * m) for m in (0.48145466, 0.4578275, 0.40821073)))
    ground.paste(picture, ((side - width) // 2, (side - height) // 2))
    return ground


def picture(width, height, size, fit):
    clip = CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size},
                              do_normalize=False, do_rescale=False)
    image = Image.fromarray(pixels(width, height))
    image = squared(image) if fit == "pad" else image
    made = np.asarray(clip(image, return_tensors="np")["pixel_values"][0]).astype(np.uint8).tobytes()
    case = {"width": width, "height": height, "size": size, "fit": fit, "sha256": hashlib.sha256(made).hexdigest()}
    return case | ({"bytes": made.hex()} if size <= 16 else {})


def main():
    os.makedirs(HERE, exist_ok=True)
    lines = corpus()
    made, special = byte_level(lines)
    legacy, modern, llama = pieces(lines)
    ggufs(made, special, legacy)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>")
    fast.chat_template = CHATML
    encoded = lambda tokenizer: [{"ids": tokenizer(t, add_special_tokens=False).input_ids} for t in TEXTS]
    # SentencePiece's own texts: the slow tokenizer takes a space away that it has not put there.
    decode = lambda t, ids: t.decode(ids, skip_special_tokens=True) if t is fast else t.decode(ids)
    decoded = lambda tokenizer, all: [one | {"text": decode(tokenizer, one["ids"])} for one in all]
    lines_of = [l for l in lines if l.strip()]
    random.Random(3).shuffle(lines_of)
    many = "\n".join(lines_of[:200])
    golden = {
        "texts": TEXTS,
        "bytes": decoded(fast, encoded(fast)), "legacy": decoded(legacy.sp_model, encoded(legacy)), "modern": encoded(modern),
        "fast": encoded(llama),
        "many": {"text": many, "bytes": sha(fast(many).input_ids), "legacy": sha(legacy(many).input_ids)},
        "items": ITEMS,
        "vicuna": [llava(legacy, item) for item in ITEMS], "vicuna_modern": [llava(modern, item) for item in ITEMS],
        "vicuna_fast": [llava(llama, item) for item in ITEMS],
        "chatml": [chatml(fast, item) for item in ITEMS],
        "pictures": [picture(w, h, s, fit) for w, h, s in
                     [(40, 30, 16), (30, 57, 16), (16, 16, 16), (5, 9, 16), (101, 33, 16), (640, 427, 336), (7, 300, 14)]
                     for fit in ("pad", "crop")],
    }
    for one in golden["vicuna"]:
        assert one["sound"]
    for name in ["vicuna_modern", "vicuna_fast"]:
        print("lengths add up:", name, [one["sound"] for one in golden[name]])
    json.dump(golden, open(os.path.join(HERE, "golden.json"), "w"), ensure_ascii=True, separators=(",", ":"))


def sha(ids):
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()


main()
