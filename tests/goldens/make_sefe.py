"""Reference values for src/components/scoring and src/components/styles. Writes sefe.json beside this file.

Everything is computed again in Python 3.11 from the descriptions: scores in both modes, metrics of random matrices (numpy-free, by
their formulas), and files of diversified instructions, whose random streams come from make_rng.py. The comparison form of answers
is that of the published program itself where its file is given (m4c_evaluator.py of SEFE @facc0d5 or LLaVA @c121f04); the
golden in the repository was made with it.

Usage: python3 tests/goldens/make_sefe.py PATH/llava/eval/m4c_evaluator.py
"""

import hashlib
import importlib.util
import json
import os
import random
import re
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from make_rng import Stream  # noqa: E402


def published(path):
    """The published comparison of several people's answers, without the progress bars it wants."""
    bars = types.ModuleType("tqdm")
    bars.tqdm = lambda items: items
    sys.modules["tqdm"] = bars
    spec = importlib.util.spec_from_file_location("m4c_evaluator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Scores.


def letter_index(letter, options):
    return "ABCDE".index(letter) if letter in list("ABCDE")[:options] else None


def scienceqa(mode, p, options):
    if mode == "strict":
        m = re.fullmatch(r"\(?([A-Za-z])\)?[.:]?", p.strip())
        at = ord(m.group(1).upper()) - 65 if m else None
        return at if at is not None and at < options else None
    if p in ("A", "B", "C", "D", "E"):
        return letter_index(p, options)
    if len(p) >= 3 and p[0] in "ABCDE" and p[1:3] == ". ":
        return letter_index(p[0], options)
    if mode == "reference":
        found = re.findall(r"The answer is ([A-Z]).", p)
        return letter_index(found[0], options) if len(found) == 1 else None
    found = re.findall(r"\b(\w)\b", p)
    return letter_index(found[0].upper(), options) if found else None


def core(text):
    return text.strip().rstrip(".").rstrip().lower()


def equal(p, truth):
    return core(p) == core(truth) and core(p) != ""


def iou(a, b):
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0


def region_strict(p):
    p = p.strip()
    if p.endswith("]."):
        p = p[:-1]
    if p.startswith("[") != p.endswith("]"):
        return None
    if p.startswith("["):
        p = p[1:-1]
    parts = [part.strip() for part in p.split(",")]
    number = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    if len(parts) != 4 or not all(re.fullmatch(number, part) for part in parts):
        return None
    x1, y1, x2, y2 = box = [float(part) for part in parts]
    return box if all(0 <= x <= 1 for x in box) and x1 < x2 and y1 < y2 else None


def grounding(mode, p, truth):
    if mode == "strict":
        box = region_strict(p)
        return box is not None and iou(box, truth) > 0.5
    try:
        box = [float(x) for x in p.replace("[", "").replace("]", "")[1:-1].split(",")]
    except ValueError:
        return False
    return len(box) == 4 and iou(box, truth) > 0.5


def soft(evaluator, p, people):
    """The mean, with each left out once, of a third of the others who agree, at most 1."""
    normal = evaluator.EvalAIAnswerProcessor()
    p, people = normal(p), [normal(person) for person in people]
    accuracies = []
    for left_out in range(len(people)):
        agree = sum(1 for at, person in enumerate(people) if at != left_out and person == p)
        accuracies.append(min(1, agree / 3))
    return sum(accuracies) / len(accuracies)


def contains(evaluator, p, truth):
    normal = evaluator.EvalAIAnswerProcessor()
    p, truth = normal(p).split(" "), normal(truth).split(" ")
    return truth != [""] and any(p[at : at + len(truth)] == truth for at in range(len(p)))


def score(evaluator, scorer, mode, p, truth):
    if scorer == "scienceqa":
        return scienceqa(mode, p, truth["options"]) == truth["right"]
    if scorer == "textvqa" or "people" in truth:
        return soft(evaluator, p, truth["people"])
    if scorer == "grounding":
        return grounding(mode, p, truth["region"])
    truth = truth["text"]
    if scorer == "sentence":
        return contains(evaluator, p, truth)
    if mode == "strict":
        return equal(p, truth)
    return {
        "imagenet": lambda: truth in p or p in truth,
        "gqa": lambda: p.rstrip(".").lower() == truth,
        "vizwiz": lambda: p.upper() == truth.upper(),
        "vqav2": lambda: p.upper() == truth.upper(),
        "ocrvqa": lambda: "Unanswerable" not in p and p.lower() == truth.lower(),
    }[scorer]()


LETTERS = [
    "A", "B", "b", "E", "F", " B", "B ", "B.", "B. ", "B. dog", "B.dog", "(B)", "(b)", "B)", "B:", "(B", "",
    "The answer is B.", "The answer is B", "The answer is B\n", "The answer is B, I think.", "The answer is b.",
    "The answer is A. The answer is B.", "So. The answer is B. Yes.", "The answer is F.", "The answer is É.", "It's a B", "b c",
    "I think B", "dog", "_ B", "A dog", "ß B", "é", "5", "É B", "The answer is BB.", "answer: (B) dog", "B, C",
]  # fmt: skip
WORDS = ["sneaker", "Sneaker", "sneaker.", " sneaker ", "sneakers", "", ".", "a", "a sneaker", "SNEAKER", "sneak", "sneaker..", "ankle boot",
         "Ankle Boot.", "Unanswerable", "unanswerable", "Unanswerable sneaker", "sneaker. ", "STRASSE", "straße", "12", "12.", "twelve"]  # fmt: skip
TRUTHS = ["sneaker", "Sneaker", "ankle boot", "Unanswerable", "straße", "12"]
BOXES = ["[0.10,0.20,0.60,0.80]", "[0.1,0.2,0.6,0.8]", "0.10,0.20,0.60,0.80", "[1.00,0.20,0.60,0.80]", "[0.10, 0.20, 0.60, 0.80]",
         "[0.10,0.20,0.60,0.80].", "[0.10,0.20,0.60]", "[0.10,0.20,0.60,0.80,0.9]", "box [0.10,0.20,0.60,0.80]", "", "[", "[]", "x", "[0.6,0.8,0.1,0.2]",
         "[0.10,0.20,0.60,nan]", "[0.10,0.20,0.60,inf]", "[0.1_0,0.20,0.60,0.80]", "[00.10,0.20,0.60,0.801]", "(0.10,0.20,0.60,0.80)", "[[0.10,0.20,0.60,0.80]]",
         "[0.10,0.20,0.35,0.80]", "[0.10,0.20,0.36,0.80]", "[.10,.20,.60,.80]", "[0.10,0.20,0.60,1.80]", "[-0.10,0.20,0.60,0.80]", "[0.10;0.20;0.60;0.80]",
         "[0.10,0.20,0.60,0.80", "[0.1e0,0.20,0.60,0.80]", "[\t0.10,0.20,0.60,0.80\n]", "[0.10,,0.60,0.80]"]  # fmt: skip
ANSWERS = ["Nike", "nike.", "the nike", "NIKE!", "nike, inc", "nike inc.", "two", "2", "2.0", "1,000", "1000", "dont", "don't", "it's", "its",
           "it s", "half-price", "half - price", "half price", "o'clock", "oclock", "none", "0", "", "a", "the", "u.s.a.", "usa", "3.5", "3 .5", "x" * 3 + "." * 40,
           "(yes)", "yes ( no", "a/b", "a / b", "what?", "ten\ttimes", "one\ntwo", "\x1cnike\x1d", "Ive", "youd've", "somebody'd", "100%", "[1]", "İ", "no. 5", "no.5"]  # fmt: skip
PEOPLE = [
    ["nike"] * 10,
    ["nike"] * 3 + ["adidas"] * 7,
    ["Nike", "nike.", "NIKE!", "the nike", "puma", "puma", "2", "two", "", "a"],
    ["half-price", "half price", "halfprice", "don't", "dont", "it's", "its", "1000", "1,000", "3.5"],
]


def truth_of(text):
    return {"text": text}


def scores(evaluator):
    for mode in ("strict", "reference", "coin"):
        for p in LETTERS:
            for options, right in ((4, 1), (2, 1), (5, 4), (6, 5), (4, 0), (4, 2)):
                yield "scienceqa", mode, p, {"options": options, "right": right}
        for scorer in ("imagenet", "gqa", "vizwiz", "vqav2", "ocrvqa", "sentence"):
            for p in WORDS:
                for truth in TRUTHS:
                    yield scorer, mode, p, truth_of(truth)
        for p in BOXES:
            yield "grounding", mode, p, {"region": [0.1, 0.2, 0.6, 0.8]}
        for p in ANSWERS:
            for people in PEOPLE:
                yield "textvqa", mode, p, {"people": people}
    for p in ANSWERS[:8]:
        yield "vqav2", "strict", p, {"people": PEOPLE[2][:7]}
        yield "textvqa", "strict", p, {"people": PEOPLE[2][:1]}
    for p in ("The picture shows a sneaker.", "Two ankle boots.", "An ankle-boot, I think", "ankle (left) boot", "It's 12.", "sneakers", "no sneaker"):
        for truth in ("sneaker", "ankle boot", "twelve", "12"):
            yield "sentence", "strict", p, truth_of(truth)


# Metrics of streams of tasks.


def matrices():
    rng = random.Random(5)
    for tasks in (1, 2, 3, 8):
        rows = [[rng.random() for _ in range(j + 1)] for j in range(tasks)]
        final = rows[-1]
        own = [rows[i][i] for i in range(tasks)]
        change = [final[i] - own[i] for i in range(tasks)]
        yield {
            "rows": rows,
            "mft": sum(own) / tasks,
            "mfn": sum(final) / tasks,
            "maa": sum(sum(rows[j][: j + 1]) / (j + 1) for j in range(tasks)) / tasks,
            "bwt_T": sum(change) / tasks,
            "bwt_Tm1": sum(change[:-1]) / (tasks - 1) if tasks > 1 else None,
        }


# Diversified instructions.

STYLES = ["yes_no", "multiple_choice", "short", "brief", "detailed"]
PROMPTS = {
    "yes_no": "Answer with Yes or No.",
    "multiple_choice": "Answer with the option's letter from the given choices directly.",
    "short": "Answer the question using a single word or phrase.",
    "brief": "Answer with a brief explanation of about 20 words.",
    "detailed": "Answer with a detailed explanation of about 50 words.",
}


def bare(question):
    lines = question.strip().split("\n")
    while len(lines) > 1 and lines[-1].strip() in PROMPTS.values():
        lines = lines[:-1]
    return "\n".join(lines).strip()


def kind_of(answer):
    if core(answer) in ("yes", "no"):
        return "yes_no"
    if re.fullmatch(r"-?\d+(\.\d+)?\.?", answer.strip()):
        return "number"
    return "region" if region_strict(answer) else "text"


def options_of(question):
    found = [re.fullmatch(r"([A-Z])\. (.+)", line) for line in question.split("\n")]
    return [m.group(2) for m in found if m]


def read(turn, expected):
    question, answer = bare(turn[0]), turn[1]
    out = {"question": question, "options": options_of(question), "answer": answer}
    if out["options"] and re.fullmatch("[A-Z]", answer):
        truth = out["options"][ord(answer) - 65]
        return out | {"style": "multiple_choice", "truth": truth, "kind": kind_of(truth)}
    out["options"] = []
    words = len(answer.split())
    if kind_of(answer) == "text" and (words >= 8 or (words >= 4 and answer.endswith("."))):
        truth = expected if expected != answer else None
        style = "brief" if words <= 31 else "detailed"
        return out | {"style": style, "truth": truth, "kind": kind_of(truth) if truth else "text"}
    kind = kind_of(answer)
    return out | {"style": "yes_no" if kind == "yes_no" else "short", "truth": answer, "kind": kind}


def wrong(reading, candidate):
    a, b = region_strict(reading["truth"]), region_strict(candidate)
    apart = iou(a, b) <= 0.5 if a and b else True
    return apart and core(candidate) not in ("", core(reading["truth"]))


def draw(pool, reading, count, stream):
    if reading["options"]:
        answers = list(reading["options"])
    elif reading["kind"] == "yes_no":
        other = "No" if core(reading["truth"]) == "yes" else "Yes"
        answers = [other if reading["truth"][0].isupper() else other.lower()]
    else:
        answers = list(pool.get(reading["kind"], []))
    drawn = []
    for at in range(len(answers)):
        if len(drawn) == count:
            break
        other = at + stream.below(len(answers) - at)
        answers[at], answers[other] = answers[other], answers[at]
        if wrong(reading, answers[at]) and core(answers[at]) not in map(core, drawn):
            drawn.append(answers[at])
    return drawn


def explanation(reading, style, picture):
    seen = "the picture" if picture else "the text"
    truth = (reading["truth"] or "").rstrip(".")
    said = {
        "yes_no": f"The answer to the question is {truth.lower()}.",
        "number": f"The right number here is {truth}.",
        "region": f"What is asked for lies in the box {truth}.",
        "text": f"The right answer to the question is {truth}.",
    }[reading["kind"]]
    if not truth:
        said = reading["answer"]
    if style == "brief":
        return f"{said} This follows from what {seen} shows, and nothing else in it speaks against it."
    return (
        f"{said} To find this, look at {seen} as a whole first and then at each of its parts. Everything that matters for the question fits this"
        f" answer. Other answers were considered too, but none of them agrees as well with what {seen} shows."
    )


def majority(styles):
    """The most frequent, of equally frequent ones the first in the list."""
    return max(dict.fromkeys(styles), key=lambda style: styles.count(style))


def convert(item, readings, style, key, pool, seed, prepend):
    turns = []
    for at, reading in enumerate(readings):
        stream = Stream(seed, "diversify/" + style, key + [at])
        question, answer, truth = reading["question"], reading["answer"], reading["truth"]
        if reading["style"] == style:
            pass
        elif style == "yes_no":
            right = stream.below(2) == 0
            candidate = truth if right else draw(pool, reading, 1, stream)[0]
            question += f"\nIs this the right answer: {candidate.rstrip('.?')}?"
            answer = "Yes" if right else "No"
        elif style == "multiple_choice":
            options = [truth] + draw(pool, reading, 3, stream)
            for last in range(len(options) - 1, 0, -1):
                other = stream.below(last + 1)
                options[last], options[other] = options[other], options[last]
            question += "".join(f"\n{chr(65 + place)}. {text}" for place, text in enumerate(options))
            answer = chr(65 + options.index(truth))
        elif style == "short":
            answer = truth
        else:
            answer = explanation(reading, style, item.get("image") is not None)
            if prepend and truth:
                answer = f"{truth.rstrip('.')}. {answer}"
        turns.append((question + "\n" + PROMPTS[style], answer))
    return turns


def diversified(items, share, seed, prepend):
    readings = [
        [read(turn, item.get("expected") if at + 1 == len(item["turns"]) else None) for at, turn in enumerate(item["turns"])] for item in items
    ]
    kinds = {}
    for reading in (r for rs in readings for r in rs):
        if reading["truth"]:
            spelt = kinds.setdefault(reading["kind"], {})
            spelt[core(reading["truth"])] = min(reading["truth"], spelt.get(core(reading["truth"]), reading["truth"]))
    pool = {kind: [spelt[name] for name in sorted(spelt)] for kind, spelt in kinds.items()}
    own = [majority([r["style"] for r in rs]) for rs in readings]
    native = max(STYLES, key=lambda style: own.count(style))
    targets = [style for style in STYLES if style != native]
    total = int(share * len(items) + 0.5)
    keys, seen = [], {}
    for item in items:
        digest = int.from_bytes(hashlib.sha256(item["id"].encode()).digest()[:8], "little")
        keys.append([digest, seen.get(digest, 0)])
        seen[digest] = seen.get(digest, 0) + 1
    left = sorted(range(len(items)), key=lambda at: (Stream(seed, "diversify/order", keys[at] + [0]).u64(), keys[at]))
    styles = {}
    for place, style in enumerate(targets):
        quota = total // len(targets) + (place < total % len(targets))
        for at in list(left):
            rs = readings[at]

            def can(r):
                if style in ("yes_no", "multiple_choice"):
                    kind_has = r["kind"] == "yes_no" or any(wrong(r, c) for c in r["options"] or pool.get(r["kind"], [])) if r["truth"] else False
                    return bool(kind_has)
                return style == "detailed" or r["truth"] is not None or (style == "brief" and r["style"] != "detailed")

            able = any(r["style"] != style for r in rs) and all(r["style"] == style or can(r) for r in rs)
            if quota and able:
                styles[at] = style
                left.remove(at)
                quota -= 1
        assert not quota, (native, style, quota)
    out = []
    for at, item in enumerate(items):
        style = styles.get(at)
        turns = convert(item, readings[at], style, keys[at], pool, seed, prepend) if style else item["turns"]
        made = {"id": item["id"] + (f":{style}" if style else "")}
        if item.get("image"):
            made["image"] = item["image"]
        said = []
        for number, (question, answer) in enumerate(turns):
            mark = "<image>\n" if number == 0 and item.get("image") else ""
            said += [{"from": "human", "value": mark + question}, {"from": "gpt", "value": answer}]
        made["conversations"] = said
        if style:
            made |= {"style": style, "source_id": item["id"], "seed": seed}
        out.append(made)
    return out


def vqa():
    """Short answers of all kinds, some items with several turns, an id that comes twice, one without a picture."""
    rng = random.Random(1)
    colours = ["red", "Red", "green", "dark blue", "black.", "white"]
    items = []
    for n in range(60):
        turns = []
        for _ in range(rng.choice([1, 1, 2, 3])):
            kind = rng.choice(["text", "text", "number", "yes_no"])
            question, answer = {
                "text": ("What colour is it?", rng.choice(colours)),
                "number": ("How many are there?", str(rng.choice([1, 2, 3, 12, 2.5]))),
                "yes_no": ("Is it old?", rng.choice(["yes", "no", "Yes", "No"])),
            }[kind]
            turns.append((question + ("\n" + PROMPTS["short"] if rng.random() < 0.8 else ""), answer))
        item = {"id": f"vqa-{n % 59}", "turns": turns}
        if n != 7:
            item["image"] = f"coco/{n}.jpg"
        items.append(item)
    return items


def choices():
    rng = random.Random(2)
    items = []
    for n in range(40):
        options = rng.sample(["west", "east", "north", "south", "up", "12"], rng.choice([2, 3, 4]))
        lines = "".join(f"\n{chr(65 + at)}. {text}" for at, text in enumerate(options))
        question = f"Which way?{lines}\n{PROMPTS['multiple_choice']}"
        items.append({"id": str(n), "image": f"{n}.png", "turns": [(question, chr(65 + rng.randrange(len(options))))]})
    return items


def grounds():
    rng = random.Random(3)
    items = []
    for n in range(24):
        x, y = rng.randrange(0, 50) / 100, rng.randrange(0, 50) / 100
        box = f"[{x:.2f},{y:.2f},{x + rng.randrange(10, 50) / 100:.2f},{y + rng.randrange(10, 50) / 100:.2f}]"
        items.append({"id": f"g{n}", "image": f"{n}.png", "turns": [("Where is the dog?", box)]})
    return items


def sentences():
    rng = random.Random(4)
    items = []
    for n in range(30):
        thing = rng.choice(["sneaker", "bag", "ankle boot", "coat"])
        items.append({"id": f"s{n}", "image": f"{n}.png", "expected": thing,
                      "turns": [("What is it?\n" + PROMPTS["brief"], f"The picture shows one {thing} that is worn.")]})  # fmt: skip
    return items


def main():
    evaluator = published(sys.argv[1])
    normal = evaluator.EvalAIAnswerProcessor()
    # Of the same score many are zeros; each mode and scorer keeps all of its others and every third of those.
    rows = []
    for at, (scorer, mode, p, truth) in enumerate(scores(evaluator)):
        value = float(score(evaluator, scorer, mode, p, truth))
        if value or at % 3 == 0:
            rows.append([scorer, mode, p, truth, value])
    files = []
    for items, share, seed, prepend in (
        (vqa(), 0.2, 0, False),
        (vqa(), 0.6, 11, True),
        (choices(), 0.2, 1, False),
        (choices(), 1.0, 2, False),
        (grounds(), 0.5, 3, False),
        (sentences(), 0.4, 4, True),
    ):
        files.append({"share": share, "seed": seed, "prepend_answer": prepend, "items": items, "out": diversified(items, share, seed, prepend)})
    contractions = [[word, normal(word)] for word in normal.CONTRACTIONS]
    golden = {
        "normalize": [[p, normal(p)] for p in ANSWERS + LETTERS] + contractions,
        "scores": rows,
        "matrices": list(matrices()),
        "diversify": files,
    }
    with open(os.path.join(HERE, "sefe.json"), "w") as file:
        json.dump(golden, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
