; Colours of fsched. Made from editors/templates/highlights.scm:
; FSCHED_BLESS=1 cargo test --test authoring editors
; What stands later wins.

(identifier) @variable

; ---- names that mean something without being defined

((identifier) @constant
  (#any-of? @constant "test" "train" "validation"))

; Words to choose from have their places; elsewhere they are names that a program defines.
(named_argument
  value: (identifier) @constant
  (#any-of? @constant "adapters" "adversarial" "all" "as_published" "auto" "average" "batch" "best" "bfloat16" "blocks" "both" "box" "brief" "ce" "channel" "chatml" "class" "clean" "clear" "coarse" "coin" "color" "copy" "count" "cpu" "cuda" "cw" "detailed" "dlr" "estimate" "eval" "exact" "fast" "fine" "fisher" "fixed" "float16" "float32" "forget" "fresh" "gqa" "grounding" "has_color" "has_shape" "highest" "imagenet" "in" "initial" "instance" "iteration" "keep" "key_elements" "l1" "l2" "last" "layer" "layers" "linf" "lowest" "margin" "memory" "metal" "model" "multiple_choice" "none" "nothing" "ocrvqa" "option" "orthogonal" "out" "per_row" "phase" "plain" "plus" "pretrain" "rand" "reading" "reference" "relearn" "reset" "same" "scienceqa" "sentence" "shape" "short" "standard" "strict" "textvqa" "train" "transfer" "unique" "vicuna_v1" "vizwiz" "vqav2" "weight" "weights" "yes_no"))

(arguments
  .
  (identifier) @constant
  (#any-of? @constant "adapters" "adversarial" "all" "as_published" "auto" "average" "batch" "best" "bfloat16" "blocks" "both" "box" "brief" "ce" "channel" "chatml" "class" "clean" "clear" "coarse" "coin" "color" "copy" "count" "cpu" "cuda" "cw" "detailed" "dlr" "estimate" "eval" "exact" "fast" "fine" "fisher" "fixed" "float16" "float32" "forget" "fresh" "gqa" "grounding" "has_color" "has_shape" "highest" "imagenet" "in" "initial" "instance" "iteration" "keep" "key_elements" "l1" "l2" "last" "layer" "layers" "linf" "lowest" "margin" "memory" "metal" "model" "multiple_choice" "none" "nothing" "ocrvqa" "option" "orthogonal" "out" "per_row" "phase" "plain" "plus" "pretrain" "rand" "reading" "reference" "relearn" "reset" "same" "scienceqa" "sentence" "shape" "short" "standard" "strict" "textvqa" "train" "transfer" "unique" "vicuna_v1" "vizwiz" "vqav2" "weight" "weights" "yes_no"))

((identifier) @constructor
  (#any-of? @constructor "adam" "adamw" "adversarial" "apgd_ce" "apgd_dlr" "apgd_t" "autoattack" "avg_pool" "awp" "cifar10" "cifar100" "clip" "coin" "constant" "conv" "convnet" "cosine" "crop" "cross_entropy" "digits" "drop" "easy_vqa" "ema" "fab" "fab_t" "fashion" "fgsm" "flatten" "flip" "free" "global_pool" "idx" "image_folder" "init" "instructions" "kaiming_normal" "kaiming_uniform" "kels" "kl" "largest" "linear" "llama" "llava" "lora" "mart" "mlp" "mse" "nlvr" "noise" "norm" "omniglot" "pgd" "plateau" "pool" "preact_resnet18" "quiz" "random" "relu" "residual" "resnet18" "rewind" "saliency" "seen" "sequential" "sgd" "shrink" "smallest" "split" "square" "swa" "tiny_llava" "trades" "vit" "vlm" "warmup" "wide_resnet" "zero"))

((identifier) @function.builtin
  (#any-of? @function.builtin "clean" "confusion" "cost" "drift" "forgotten" "gap" "groups" "knowledge" "loss" "overfitting" "recovery" "retention" "robust" "savings" "sensitivity" "step_loss" "truth_alignment"))

((identifier) @variable.builtin
  (#any-of? @variable.builtin "adapters" "all" "biases" "blocks" "conv" "embeddings" "head" "language" "layers" "linear" "norms" "params" "projector" "vision"))

((identifier) @constant.builtin
  (#any-of? @constant.builtin "false" "none" "true"))

(boolean) @boolean

(call
  function: (identifier) @function.call
  (#not-any-of? @function.call "adam" "adamw" "adapters" "adversarial" "all" "apgd_ce" "apgd_dlr" "apgd_t" "autoattack" "avg_pool" "awp" "biases" "blocks" "cifar10" "cifar100" "clean" "clip" "coin" "confusion" "constant" "conv" "convnet" "cosine" "cost" "crop" "cross_entropy" "digits" "drift" "drop" "easy_vqa" "ema" "embeddings" "fab" "fab_t" "fashion" "fgsm" "flatten" "flip" "forgotten" "free" "gap" "global_pool" "groups" "head" "idx" "image_folder" "init" "instructions" "kaiming_normal" "kaiming_uniform" "kels" "kl" "knowledge" "language" "largest" "layers" "linear" "llama" "llava" "lora" "loss" "mart" "mlp" "mse" "nlvr" "noise" "norm" "norms" "omniglot" "overfitting" "params" "pgd" "plateau" "pool" "preact_resnet18" "projector" "quiz" "random" "recovery" "relu" "residual" "resnet18" "retention" "rewind" "robust" "saliency" "savings" "seen" "sensitivity" "sequential" "sgd" "shrink" "smallest" "split" "square" "step_loss" "swa" "tiny_llava" "trades" "truth_alignment" "vision" "vit" "vlm" "warmup" "wide_resnet" "zero"))

; `conv(16, 3)` is a layer, `conv` alone a selector
(call
  function: (identifier) @constructor
  (#any-of? @constructor "adam" "adamw" "adversarial" "apgd_ce" "apgd_dlr" "apgd_t" "autoattack" "avg_pool" "awp" "cifar10" "cifar100" "clip" "coin" "constant" "conv" "convnet" "cosine" "crop" "cross_entropy" "digits" "drop" "easy_vqa" "ema" "fab" "fab_t" "fashion" "fgsm" "flatten" "flip" "free" "global_pool" "idx" "image_folder" "init" "instructions" "kaiming_normal" "kaiming_uniform" "kels" "kl" "largest" "linear" "llama" "llava" "lora" "mart" "mlp" "mse" "nlvr" "noise" "norm" "omniglot" "pgd" "plateau" "pool" "preact_resnet18" "quiz" "random" "relu" "residual" "resnet18" "rewind" "saliency" "seen" "sequential" "sgd" "shrink" "smallest" "split" "square" "swa" "tiny_llava" "trades" "vit" "vlm" "warmup" "wide_resnet" "zero"))

(field
  base: (identifier) @constant
  (#any-of? @constant "test" "train" "validation"))

(field
  name: (identifier) @function.builtin)

(on_clause
  split: (identifier) @constant)

; ---- what a program defines

(let_statement
  name: (identifier) @variable)

(param_statement
  name: (identifier) @variable.parameter)

(for_statement
  variable: (identifier) @variable)

(sweep_statement
  name: (identifier) @variable.parameter)

(parameter
  name: (identifier) @variable.parameter)

(phase_statement
  name: (identifier) @function)

(named_argument
  name: (identifier) @variable.parameter)

(type
  (identifier) @type)

((type
  (identifier) @type.builtin)
  (#any-of? @type.builtin "Adapter" "Attack" "Bool" "Data" "Duration" "Int" "List" "Memory" "Metric" "Model" "Objective" "Optimizer" "Real" "Recall" "Schedule" "Selector" "Share" "Tasks" "Text"))

; ---- statements

(simple_statement
  word: (word) @function.call)

(simple_statement
  word: (word) @keyword
  (#any-of? @keyword "checkpoint" "consolidate" "evaluate" "expect" "export" "forget" "learn" "merge" "protect" "relearn" "rollback" "stop" "train" "weights" "zap"))

(simple_statement
  word: (word) @attribute
  (#any-of? @attribute "accumulate" "adapt" "augment" "batch" "budget" "data" "device" "diversify" "freeze" "keep" "lr" "max_length" "measure" "memory" "model" "objective" "optimizer" "precision" "recall" "recompute" "replay" "seed" "thaw" "threads" "train_only"))

(simple_statement
  word: (word) @attribute
  .
  (identifier) @constant
  (#any-of? @attribute "accumulate" "adapt" "augment" "batch" "budget" "data" "device" "diversify" "freeze" "keep" "lr" "max_length" "measure" "memory" "model" "objective" "optimizer" "precision" "recall" "recompute" "replay" "seed" "thaw" "threads" "train_only")
  (#any-of? @constant "adapters" "adversarial" "all" "as_published" "auto" "average" "batch" "best" "bfloat16" "blocks" "both" "box" "brief" "ce" "channel" "chatml" "class" "clean" "clear" "coarse" "coin" "color" "copy" "count" "cpu" "cuda" "cw" "detailed" "dlr" "estimate" "eval" "exact" "fast" "fine" "fisher" "fixed" "float16" "float32" "forget" "fresh" "gqa" "grounding" "has_color" "has_shape" "highest" "imagenet" "in" "initial" "instance" "iteration" "keep" "key_elements" "l1" "l2" "last" "layer" "layers" "linf" "lowest" "margin" "memory" "metal" "model" "multiple_choice" "none" "nothing" "ocrvqa" "option" "orthogonal" "out" "per_row" "phase" "plain" "plus" "pretrain" "rand" "reading" "reference" "relearn" "reset" "same" "scienceqa" "sentence" "shape" "short" "standard" "strict" "textvqa" "train" "transfer" "unique" "vicuna_v1" "vizwiz" "vqav2" "weight" "weights" "yes_no")
  (#not-any-of? @constant "adapters" "all" "biases" "blocks" "conv" "embeddings" "false" "head" "language" "layers" "linear" "none" "norms" "params" "projector" "true" "vision"))

; The blocks of training steps, whose words have the form of other statements.
(simple_statement
  word: (word) @keyword.repeat
  (#any-of? @keyword.repeat "every" "when"))

; Behind the `else` of a `guard`.
(guard_statement
  consequence: (simple_statement
    word: (word) @keyword))

; Words of "let" "param" "phase" "use" and "every" "for" "guard" "if" "repeat" "when", with "else" "in" "on" "until" "with" within them:
[
  "let"
  "param"
  "phase"
  "use"
  "sweep"
  "guard"
  "on"
  "with"
  "in"
] @keyword

[
  "repeat"
  "until"
  "for"
] @keyword.repeat

[
  "if"
  "else"
] @keyword.conditional

; Operators that are words: "and" "not" "or" "then".
[
  "then"
  "and"
  "or"
  "not"
] @keyword.operator

; ---- literals

(number) @number

(percentage
  "%" @number)

; "epoch" "epochs" "h" "min" "s" "step" "steps"
(unit) @type.builtin

(string) @string

(param_statement
  description: (string) @string.documentation)

(escape) @string.escape

(comment) @comment

(pragma) @keyword.directive

; ---- symbols

[
  "+"
  "-"
  "*"
  "/"
  "&"
  "="
  "=="
  "!="
  "<"
  "<="
  ">"
  ">="
  ".."
  "..="
] @operator

[
  ","
  ":"
  ";"
  "."
] @punctuation.delimiter

[
  "("
  ")"
  "["
  "]"
  "{"
  "}"
] @punctuation.bracket
