//! Habits from other tools: each is told by name, with what to type; where that is sure, the fixes lead to a program.

use super::corpus::check;
use fsched::diagnostic::{Applicability, Diagnostic, Severity};

/// What is written behind a few lines of a good program, the code and parts of message and help of its first error, and
/// what the safe fixes make of it.
type Habit = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const BEFORE: &str = "data digits\nmodel mlp(hidden: [16])\ntrain 1\n";

static HABITS: &[Habit] = &[
    ("train: 10", "FS0007", "no `:` follows the word `train`", "write `train …`", Some("train 10")),
    ("lr: cosine\ntrain 1", "FS0007", "no `:` follows", "without the colon", Some("lr cosine\ntrain 1")),
    ("lr = 0.1", "FS0007", "no `=` follows the word `lr`", "write `lr …`", None),
    ("lr 0.1", "FS0201", "takes a schedule, not the number 0.1", "`optimizer sgd(lr: 0.1)`", None),
    (
        "train 1 // or more",
        "FS0007",
        "`//` does not start a comment",
        "a comment starts with `#`",
        Some("train 1 # or more"),
    ),
    (
        "-- more\ntrain 1",
        "FS0007",
        "`--` does not start a comment",
        "a comment starts with `#`",
        Some("# more\ntrain 1"),
    ),
    (
        "forget layers[-1:] 30%\nrelearn 1",
        "FS0007",
        "written with `..`",
        "`[-1..]`",
        Some("forget layers[-1..] 30%\nrelearn 1"),
    ),
    ("forget layers[--1] 30%\nrelearn 1", "FS0007", "there is no `--`", "`-` subtracts", None),
    ("checkpoint “name”", "FS0006", "typographic quotes", "write `\"name\"`", Some("checkpoint \"name\"")),
    ("checkpoint 'name'", "FS0007", "double quotes", "write `\"name\"`", Some("checkpoint \"name\"")),
    ("train 10 ep", "FS0202", "`ep` is no unit of time", "write `epochs`", Some("train 10 epochs")),
    ("train 1 epohc", "FS0202", "`epohc` is no unit of time", "write `epoch`", Some("train 1 epoch")),
    ("train 10 iters", "FS0202", "`iters` is no unit of time", "write `steps`", Some("train 10 steps")),
    ("train 0.5", "FS0202", "0.5 of what", "write `0.5 epochs`", None),
    (
        "forget head 30\nrelearn 1",
        "FS0206",
        "written with `%`",
        "did you mean `30%`",
        Some("forget head 30%\nrelearn 1"),
    ),
    ("forget head 130%\nrelearn 1", "FS0203", "between 0% and 100%, not 130%", "`100%` is all of it", None),
    (
        "expect clean > 85",
        "FS0203",
        "always between 0% and 100%, never 85",
        "did you mean 85%",
        Some("expect clean > 85%"),
    ),
    (
        "optimizer sgd(learning_rate=0.1)\ntrain 1",
        "FS0104",
        "`sgd` has no argument `learning_rate`",
        "did you mean `lr`",
        Some("optimizer sgd(lr: 0.1)\ntrain 1"),
    ),
    (
        "optimizer sgd(lr: 0.1, wd: 5e-4)\ntrain 1",
        "FS0104",
        "no argument `wd`",
        "did you mean `weight_decay`",
        Some("optimizer sgd(lr: 0.1, weight_decay: 5e-4)\ntrain 1"),
    ),
    ("optimizer sgd(lr: 0,3)\ntrain 1", "FS0007", "decimals", "write `0.3`", Some("optimizer sgd(lr: 0.3)\ntrain 1")),
    (
        "optimizer sgd(lr: 0.1, momentum: 0.9, nesterov: True)\ntrain 1",
        "FS0007",
        "`True` is written `true`",
        "write `true`",
        Some("optimizer sgd(lr: 0.1, momentum: 0.9, nesterov: true)\ntrain 1"),
    ),
    ("fit 10", "FS0102", "no statement `fit`", "training is `train 10`", Some("train 10")),
    ("epochs 10", "FS0102", "no statement `epochs`", "`train 10`", Some("train 10")),
    ("epochs: 10", "FS0102", "no statement `epochs`", "`train 10`", Some("train 10")),
    ("ep 10", "FS0102", "no statement `ep`", "`train 10`", Some("train 10")),
    ("iters 500", "FS0102", "no statement `iters`", "`train 500 steps`", Some("train 500 steps")),
    ("batch_size 64\ntrain 1", "FS0102", "no statement `batch_size`", "`batch 128`", Some("batch 64\ntrain 1")),
    ("learning_rate 0.1", "FS0102", "no statement `learning_rate`", "`optimizer sgd(lr: 0.1)`", None),
    ("wd 5e-4", "FS0102", "no statement `wd`", "weight_decay: 5e-4", None),
    ("reset head", "FS0102", "no statement `reset`", "`zap head`", None),
    ("save \"a\"", "FS0102", "no statement `save`", "`checkpoint \"name\"`", Some("checkpoint \"a\"")),
    ("print clean", "FS0102", "no statement `print`", "`evaluate clean on test`", None),
    ("train(3)", "FS0201", "is a statement, and is not called", "without brackets", Some("train 3")),
    (
        "digits(validation: 10%)",
        "FS0102",
        "no statement `digits`",
        "`data digits …`",
        Some("data digits(validation: 10%)"),
    ),
    ("let n := 3\ntrain n", "FS0007", "there is no `:=`", "`let name = value`", Some("let n = 3\ntrain n")),
    ("n := 3\ntrain n", "FS0007", "there is no `:=`", "`let name = value`", Some("let n = 3\ntrain n")),
    (
        "for c in range(3) { zap head[c]; train 1 }",
        "FS0007",
        "`range(…)` is Python",
        "write `0..3`",
        Some("for c in 0..3 { zap head[c]; train 1 }"),
    ),
    (
        "while clean < 50% { train 1 }",
        "FS0007",
        "there is no `while`",
        "`repeat until clean > 90% max: 20 { … }`",
        None,
    ),
    ("def f(n) { train n }\nf(3)", "FS0007", "there is no `def`", "`phase name(share: Share) { … }`", None),
    ("import \"x.fsched\"", "FS0007", "there is no `import`", "`use \"file.fsched\"`", None),
    (
        "train 10 forget head 10%\nrelearn 1",
        "FS0001",
        "found `forget`",
        "own line",
        Some("train 10; forget head 10%\nrelearn 1"),
    ),
    (
        "train 10, forget head 30%, relearn 5",
        "FS0001",
        "found `forget`",
        "own line",
        Some("train 10; forget head 30%; relearn 5"),
    ),
    (
        "if true { train 1 } esle { train 2 }",
        "FS0001",
        "`esle`",
        "`else`",
        Some("if true { train 1 } else { train 2 }"),
    ),
    ("sweep n in [1, 2]", "FS0102", "this version has no `sweep` yet", "--set name=value", None),
    (
        "early_stopping patience: 5",
        "FS0102",
        "there is no statement `early_stopping`",
        "when gap(clean) > 2% { stop }",
        None,
    ),
    ("train 9 { every 1 { break } }", "FS0102", "there is no statement `break`", "{ stop }", None),
    ("until clean > 90% { train 1 }", "FS0102", "there is no statement `until`", "max: 20", None),
    ("max_time 3 h", "FS0102", "there is no statement `max_time`", "`budget 3 h`", None),
    (
        "train 9 { lr cosine }",
        "FS0501",
        "holds `every` and `when` only",
        "`with { … }`",
        Some("train 9 with { lr cosine }"),
    ),
    ("train 9 { evrey 1 { train 1 } }", "FS0102", "`evrey`", "`every`", Some("train 9 { every 1 { train 1 } }")),
    (
        "train 9 every 5 { relearn 1 }",
        "FS0001",
        "found `every`",
        "it stands in the block of the step",
        Some("train 9 { every 5 { relearn 1 } }"),
    ),
    (
        "train 9 { every 5, zap head, relearn 1 }",
        "FS0001",
        "expected `{`, found `zap`",
        "stand in braces",
        Some("train 9 { every 5 { zap head; relearn 1 } }"),
    ),
    ("train 9 { when clean > 50% stop }", "FS0501", "`when` has no block", "`when clean > 50% { stop }`", None),
    ("train 9 { if clean > 50% { stop } }", "FS0501", "holds `every` and `when` only", "`when` is what `if` is", None),
    ("train 9 { every epoch { relearn 1 } }", "FS0101", "nothing here is called `epoch`", "`1 epoch`", None),
    (
        "repeat while clean < 90% { train 1 }",
        "FS0001",
        "found `clean`",
        "`repeat until clean > 90% max: 20 { … }`",
        None,
    ),
    (
        "guard clean > 50% else { stop }",
        "FS0001",
        "no block follows the `else` of a `guard`",
        "`stop`",
        Some("guard clean > 50% else stop"),
    ),
    ("guard clean > 50% else\ntrain 1", "FS0001", "after the word `else`", "on its line", None),
    ("budget 3\ntrain 1", "FS0202", "time on the clock", "`budget 3 h`", None),
    ("guard clean > 50% else wran", "FS0209", "can't `wran`", "`warn`", Some("guard clean > 50% else warn")),
    ("guard clean > 50%", "FS0204", "doesn't say what happens", "`else stop`", None),
];

fn analyzed(text: &str) -> (Vec<Diagnostic>, u16) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("habit.fsched");
    std::fs::write(&path, text).unwrap();
    let analysis = check(&path);
    let root = analysis.file.source.0;
    let errors = analysis.diagnostics.into_iter().filter(|d| d.severity == Severity::Error);
    (errors.collect(), root)
}

/// The text with its safe fixes made, again and again until there are none, and the errors that are left.
fn fixed(mut text: String) -> (String, Vec<Diagnostic>) {
    for _ in 0..8 {
        let (errors, root) = analyzed(&text);
        let fixes = errors.iter().flat_map(|d| d.fixes.iter().find(|f| f.applicability == Applicability::Safe));
        let mut edits: Vec<_> = fixes.flat_map(|f| &f.edits).filter(|e| e.span.file.0 == root).collect();
        if edits.is_empty() {
            return (text, errors);
        }
        edits.sort_by_key(|e| std::cmp::Reverse(e.span));
        let mut limit = text.len();
        for edit in edits {
            if edit.span.end as usize <= limit {
                text.replace_range(edit.span.range(), &edit.text);
                limit = edit.span.start as usize;
            }
        }
    }
    panic!("fixes don't end\n{text}")
}

#[test]
fn habits_from_other_tools_are_told_by_name() {
    let mut wrong = Vec::new();
    for (habit, code, message, help, _) in HABITS {
        let (errors, _) = analyzed(&format!("{BEFORE}{habit}\n"));
        let told = errors.iter().find(|d| {
            d.code.id() == *code && d.message.contains(message) && d.help.as_ref().is_some_and(|h| h.contains(help))
        });
        if told.is_none() {
            wrong.push(format!("{habit}: {code} {message} ({help}), not {errors:#?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sure_fixes_of_habits_lead_to_programs() {
    let mut wrong = Vec::new();
    for (habit, .., expected) in HABITS {
        let Some(expected) = expected else { continue };
        let (text, errors) = fixed(format!("{BEFORE}{habit}\n"));
        let made = text.strip_prefix(BEFORE).unwrap_or(&text).trim_end();
        if made != *expected || !errors.is_empty() {
            wrong.push(format!("{habit}: {expected}, not {made}: {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
