//! Which fixes are sure: only those that cannot have been meant otherwise. The others are offered, and not made unasked.

use super::corpus::check;
use fsched::diagnostic::{Applicability, Code, Diagnostic, Severity};

/// What is written behind [`BEFORE`], parts of the help of its first error, and what the fixes of its errors write: the
/// sure ones, and the others.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const BEFORE: &str = "data digits\nmodel mlp(hidden: [16])\ntrain 1\n";

/// A name is used where a value is wrong: what it was given is to blame, and only that may be changed.
static NAMES: &[Case] = &[
    ("phase f(n) { forget head n; relearn 1 }\nf(5)", "did you mean `5%`", &[], &[]),
    ("phase f(goal) { train 1; expect clean > goal }\nf(80)\nf(90)", "did you mean 80%", &[], &[]),
    ("param share = 30\nforget head share\nrelearn 1", "did you mean `30%`", &[], &["30%"]),
    ("let share = 30 # much\nforget head share\nrelearn 1", "did you mean `30%`", &[], &["30%"]),
    ("let n = 15 * 2\nforget head n\nrelearn 1", "did you mean `30%`", &[], &[]),
    ("let goal = 80\nexpect clean > goal", "did you mean 80%", &[], &["80%"]),
    ("checkpoint \"before\"\nphase f(c) { rollback c }\nf(\"befor\")", "did you mean \"before\"", &[], &[]),
    ("checkpoint \"before\"\nlet c = \"befor\"\nrollback c", "did you mean \"before\"", &[], &["\"before\""]),
    ("forget head 30\nrelearn 1", "did you mean `30%`", &["30%"], &[]),
    ("expect clean > 85", "did you mean 85%", &["85%"], &[]),
    ("expect clean > 110%", "`100%` is all of it", &[], &[]),
];

/// Words that are near to known ones.
static WORDS: &[Case] = &[
    ("checkpoint \"before\"\nrollback \"befor\"", "did you mean \"before\"", &["\"before\""], &[]),
    ("checkpoint \"v1\"\nrollback \"v2\"", "did you mean \"v1\"", &[], &["\"v1\""]),
    ("checkpoint \"epoch10\"\nrollback \"epoch20\"", "did you mean \"epoch10\"", &[], &["\"epoch10\""]),
    (
        "let share1 = 1%\nlet share2 = 2%\nforget head share1 + share2 + share3",
        "`share1` or `share2`",
        &[],
        &["share1"],
    ),
    ("optimizer nadam(lr: 0.1)\ntrain 1", "did you mean `adam`", &[], &["adam"]),
    ("optimizer agd(lr: 0.1)\ntrain 1", "did you mean `sgd`", &[], &["sgd"]),
    ("optimizer SGD(lr: 0.1)\ntrain 1", "did you mean `sgd`", &["sgd"], &[]),
    ("froget head 30%\nrelearn 1", "did you mean `forget`", &["forget"], &[]),
    ("precision inexact\ntrain 1", "did you mean `exact`", &[], &["exact"]),
    ("device gpu\ntrain 1", "did you mean `cuda`", &["cuda"], &[]),
    ("unfreeze head\ntrain 1", "`thaw head`", &["thaw"], &[]),
    ("unlearn head 30%\nrelearn 1", "`forget layers[-2..] 30%`", &[], &[]),
    ("evaluate robust(pgd(norm: l1))", "did you mean `l2`", &[], &["l2"]),
    ("optimizer sgd(lr: 0.1, l2: 5e-4)\ntrain 1", "did you mean `weight_decay`", &["weight_decay"], &[]),
];

/// What other languages write, where it may mean something else.
static SYNTAX: &[Case] = &[
    ("let b = 7 // 2\ntrain b", "a comment starts with `#`", &[], &["#"]),
    ("let n = 7\nlet b = 21 // n\ntrain b", "a comment starts with `#`", &[], &["#"]),
    ("train 1 // once", "a comment starts with `#`", &["#"], &[]),
    ("train 1 // once more", "a comment starts with `#`", &["#"], &[]),
    ("let n = 1\nif true { n = 2 }\ntrain n", "`let n_2 = …`", &[], &[]),
    ("let n = 1\nn += 1\ntrain n", "`let n_2 = …`", &[], &[]),
    ("import torch", "`use \"file.fsched\"`", &[], &[]),
    ("lr step(10, 0.1)\ntrain 1", "called `drop` here", &[], &["drop"]),
    ("train None", "write `none`", &[], &["none"]),
    ("optimizer sgd(lr: 0.1, clip: None)\ntrain 1", "write `none`", &["none"], &[]),
    ("forget layers 3 30%\nrelearn 1", "write `layers[3]`", &[], &["layers[3]"]),
    ("forget conv layers 30%\nrelearn 1", "`conv & layers`", &[], &[" & ", " + "]),
    ("freeze conv layers\ntrain 1", "`conv + layers`", &[], &[" & ", " + "]),
    ("forget layers[-2..] linear 30%\nrelearn 1", "`layers[-2..] & linear`", &[], &[" & ", " + "]),
    (
        "forget head, layers[-2] biases 30%\nrelearn 1",
        "`head + layers[-2] + biases`",
        &[],
        &[" & ", " & ", " + ", " + "],
    ),
    ("forget head, biases 30%\nrelearn 1", "`head + biases`", &[" + "], &[]),
    ("let n = 500\ntrain n steps", "`let n = 500 steps`", &[], &[" steps", "", "n * 1 step"]),
    ("let n = 2\ntrain 2 + n epochs", "write `4 epochs`", &[], &["(2 + n) * 1 epoch"]),
    ("expect clean = 85%", "`==`, `>=` or `>`", &[], &[">=", "=="]),
    ("iters = 500", "write `train 500 steps`", &[], &["train 500 steps", "let "]),
    ("width = 500", "use the name below", &[], &["let "]),
    ("repeat 5 times { train 1 }", "`repeat 5 { … }`", &[], &[]),
    ("forget head 30 percent\nrelearn 1", "`30%`", &[], &[]),
    ("lr warmup(5%) + cosine\ntrain 1", "`lr warmup(5%) then cosine`", &[], &[]),
    ("evaluate robust(pgd(norm: \"l2\"))", "without quotes", &["l2"], &[]),
    ("evaluate robust(pgd(norm: 2))", "write `l2`", &[], &[]),
    ("device \"cuda:0\"\ntrain 1", "write `cuda`", &[], &[]),
    ("batch -1\ntrain 1", "write `(-1)`", &[], &["(-1)"]),
];

/// Comments that are nearly pragmas: the help, and the sure and the other fixes.
static PRAGMAS: &[Case] = &[
    ("train 1 # fsched: allow FS1001", "write `# fsched: allow(FS1001)`", &[], &[]),
    ("train 1 # fsched: allow()", "`fsched list lints`", &[], &[]),
    ("train 1 # fsched allow(FS1005)", "write `# fsched: allow(FS1005)`", &[], &[":"]),
    ("train 1 # fsched: allow(FS1005)", "leave this `allow` out", &[""], &[]),
    ("train 1 # fsched: allow(FS1005) because I mean it", "leave this `allow` out", &[], &[""]),
];

#[test]
fn comments_that_are_nearly_pragmas_are_told_and_kept() {
    all_hold_of(PRAGMAS, |d| d.code == Code::UNUSED_ALLOW);
}

fn all_hold(cases: &[Case]) {
    all_hold_of(cases, |d| d.severity == Severity::Error);
}

fn all_hold_of(cases: &[Case], counts: fn(&Diagnostic) -> bool) {
    let mut wrong = Vec::new();
    for (text, help, sure, likely) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.fsched");
        std::fs::write(&path, format!("{BEFORE}{text}\n")).unwrap();
        let analysis = check(&path);
        let errors: Vec<_> = analysis.diagnostics.iter().filter(|d| counts(d)).collect();
        let writes = |level: Applicability| -> Vec<&str> {
            let fixes = errors.iter().flat_map(|d| &d.fixes).filter(|f| f.applicability == level);
            fixes.flat_map(|f| &f.edits).map(|e| e.text.as_str()).collect()
        };
        let helps = errors.first().and_then(|d| d.help.as_ref()).is_some_and(|h| h.contains(help));
        if !helps || writes(Applicability::Safe) != *sure || writes(Applicability::Unsafe) != *likely {
            wrong.push(format!("{text}: {errors:#?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_fix_never_replaces_the_use_of_a_name() {
    all_hold(NAMES);
}

#[test]
fn only_slips_of_the_keyboard_are_mended_unasked() {
    all_hold(WORDS);
}

#[test]
fn what_may_mean_something_else_is_not_mended_unasked() {
    all_hold(SYNTAX);
}
