//! `textDocument/completion`: texts with a cursor, `‸`, in them.

use super::index::analysis;
use fsched::lsp::completion::{Offer, at};
use fsched::source::FileId;

/// What is offered at the `‸` of a text, best first.
fn offers(marked: &str) -> Vec<Offer> {
    let offset = marked.find('‸').expect("a cursor");
    let text = marked.replace('‸', "");
    at(&analysis(&text), FileId(0), offset).offers
}

fn labels(marked: &str) -> Vec<String> {
    offers(marked).into_iter().map(|o| o.label).collect()
}

#[track_caller]
fn assert_offers(marked: &str, wanted: &[&str]) {
    let labels = labels(marked);
    for word in wanted {
        assert!(labels.iter().any(|l| l == word), "{word} is not offered at {marked:?}: {labels:?}");
    }
}

#[track_caller]
fn assert_refuses(marked: &str, unwanted: &[&str]) {
    let labels = labels(marked);
    for word in unwanted {
        assert!(!labels.iter().any(|l| l == word), "{word} is offered at {marked:?}");
    }
}

#[test]
fn statements_begin_anywhere_a_line_does() {
    for text in
        ["‸", "tr‸", "train 5\n‸", "train 5; ‸", "repeat 3 { ‸", "repeat 3 {\n  train 1\n  f‸\n}\n", "(\ntrain 5\n‸"]
    {
        assert_offers(text, &["train", "forget", "repeat", "optimizer", "let"]);
        assert_refuses(text, &["pgd", "layers"]);
    }
}

#[test]
fn brackets_reach_over_blank_lines_and_comments() {
    let blank = "\n".repeat(20_000);
    for between in ["\n", "\n\n\n", "\n# the base rate\n\n", &blank] {
        assert_offers(&format!("optimizer sgd({between}‸"), &["lr:", "momentum:"]);
        assert_offers(&format!("optimizer sgd({between}lr: 0.1,{between}‸"), &["momentum:"]);
        assert_offers(&format!("optimizer sgd({between}train 5{between}‸"), &["train", "forget"]);
    }
}

#[test]
fn settings_alone_stand_in_a_with_block() {
    assert_offers("train 5 with { ‸ }", &["optimizer", "freeze"]);
    assert_refuses("train 5 with { ‸ }", &["train", "let", "forget"]);
}

#[test]
fn a_training_step_has_blocks_of_its_own_and_stop_stands_in_them() {
    for text in
        ["train 9 { ‸", "consolidate 9 {\n  every 2 { forget head 10% }\n  ‸\n}", "train 9 with { batch 8 } { w‸ }"]
    {
        assert_offers(text, &["every", "when"]);
        assert_refuses(text, &["train", "stop", "batch", "let"]);
    }
    assert_offers("train 9 { when clean > 50% { ‸", &["stop", "train", "forget"]);
    assert_offers("train 9 { every 2 { if clean > 50% { ‸", &["stop"]);
    assert_offers("phase leave() { ‸ }", &["stop"]);
    assert_refuses("train 9\n‸", &["every", "when", "stop"]);
    assert_refuses("repeat 2 { ‸", &["every", "when", "stop"]);
    assert_offers("train 9 { every ‸", &["time:"]);
    assert_offers("train 9 { every 2 ‸", &["epochs", "steps"]);
    assert_offers("train 9 { when ‸", &["clean", "gap", "validation"]);
}

#[test]
fn what_conditions_decide_is_offered_part_by_part() {
    assert_offers("repeat ‸", &["until"]);
    assert_offers("repeat until ‸", &["clean", "validation"]);
    assert_offers("repeat until clean > 90% ‸", &["max:", "and"]);
    assert_refuses("repeat 5 ‸", &["until"]);
    assert_offers("guard ‸", &["clean", "validation"]);
    assert_offers("guard clean > 50% ‸", &["else", "and"]);
    assert_eq!(labels("checkpoint \"a\"\nguard clean > 50% else ‸"), ["rollback", "stop", "warn"]);
    assert_eq!(labels("checkpoint \"a\"\nguard clean > 50% else rollback \"‸"), ["a"]);
    assert!(labels("guard clean > 50% else stop ‸").is_empty());
    assert_offers("budget 3 ‸", &["h", "min"]);
}

#[test]
fn arguments_are_offered_once_each() {
    assert_offers("forget head 30% ‸", &["by:", "to:", "unit:", "moments:", "overall:"]);
    assert_refuses("forget head 30% by: random, ‸", &["by:", "selector:", "share:"]);
    assert_offers("objective adversarial(pgd(eps: 8/255, ‸", &["step:", "iters:", "norm:"]);
    assert_refuses("objective adversarial(pgd(eps: 8/255, ‸))", &["eps:"]);
}

#[test]
fn a_place_gets_what_its_type_takes() {
    assert_eq!(labels("forget head 30% unit: ‸")[..3], ["weight", "channel", "layer"]);
    assert_offers("forget head 30% by: ‸", &["random", "smallest", "largest", "saliency"]);
    assert_offers("objective adversarial(‸", &["pgd", "fgsm"]);
    assert_offers("objective adversarial(pgd(eps: 0.1, norm: ‸", &["linf", "l2"]);
    assert_offers("data ‸", &["fashion", "digits"]);
    assert_offers("forget ‸", &["layers", "head", "all", "params"]);
    assert_offers("evaluate clean on ‸", &["train", "validation", "test"]);
    assert_offers("evaluate clean, ‸", &["loss", "robust", "validation"]);
    assert_offers("evaluate validation.‸", &["clean", "robust"]);
    assert_offers("train 40 ‸", &["epochs", "steps", "min", "with"]);
    assert_offers("param p: ‸", &["Share", "Duration"]);
    assert_offers("phase f(p: ‸", &["Share", "Duration"]);
    assert_offers("lr warmup(5%) ‸", &["then"]);
    assert_offers("lr warmup(5%) then ‸", &["cosine", "drop"]);
    assert_offers("evaluate clean ‸", &["on", "per_example:"]);
    assert_offers("augment crop(padding: 2), ‸", &["flip", "none"]);
}

#[test]
fn selectors_are_indexed_by_what_there_is() {
    let layers = offers("train 1\nforget layers[‸");
    let last = layers.iter().rfind(|o| o.label.parse::<usize>().is_ok()).expect("layers are numbered");
    assert_eq!((last.label.as_str(), last.detail.as_str()), ("3", "classifier"));
    assert_offers("forget head[‸] 30%", &["0", "9"]);
}

#[test]
fn names_in_scope_come_first_where_they_fit() {
    let text = "let attack = pgd(eps: 0.1)\nlet n = 3\nphase inner(q: Share) { let hidden = 1; train hidden }\nobjective adversarial(‸";
    assert_eq!(labels(text)[0], "attack");
    assert_offers(text, &["n"]);
    assert_refuses(text, &["q", "hidden"]);
    assert_offers("phase polish(q: Share) { forget head ‸ }", &["q"]);
    assert_eq!(labels("let n = 3\ntrain ‸")[0], "n");
    assert_refuses("train ‸\nlet later = 3\n", &["later"]);
    assert_offers("phase polish(q: Share) { forget head q }\n‸", &["polish"]);
    assert_offers("phase polish(q: Share) { forget head q }\npolish(‸", &["q:"]);
}

#[test]
fn checkpoints_are_known_within_quotes() {
    assert_eq!(labels("checkpoint \"good\"\ntrain 1\nrollback \"‸"), ["good"]);
    assert_eq!(labels("checkpoint \"good\"\ntrain 1\nforget head 1% to: rewind(\"g‸\")"), ["good"]);
    assert_eq!(labels("let x = \"‸"), [""; 0]);
}

#[test]
fn pragmas_have_their_lints() {
    assert_offers("train 1 # fsched: allow(‸", &["hidden-name", "FS1003"]);
    assert_offers("# ‸", &["fsched: allow(…)"]);
    assert_refuses("# some words ‸", &["train"]);
}

#[test]
fn other_writing_systems_are_no_obstacle() {
    assert_offers("let größe = 30% # 漢字 🦀\nforget head ‸", &["größe"]);
    assert_offers("let 漢 = 3; train 漢; checkpoint \"🦀\"; forget head 30% by: ‸", &["random"]);
    assert_offers("let größe = 30%\nforget head grö‸", &["größe"]);
}

#[test]
fn tasks_checkpoints_and_conditions_are_offered_where_they_are_taken() {
    let text = "let tasks = split(digits, by: class, size: 5)\nlet old = tasks[0]\nlet n = 3 epochs\ndata digits\n\
                measure clean every: 1 epoch\ntrain 1\ncheckpoint \"learned\"\n";
    assert_offers(&format!("{text}evaluate retention(‸"), &["old", "tasks", "split", "since:"]);
    assert_refuses(&format!("{text}evaluate retention(‸"), &["clean", "digits"]);
    let offered = labels(&format!("{text}evaluate retention(‸"));
    let place = |label: &str| offered.iter().position(|l| l == label);
    assert!(place("old") < place("n") && place("tasks") < place("n"), "{offered:?}");
    assert_offers(&format!("{text}evaluate retention(old, since: \"‸"), &["learned"]);
    assert_offers(&format!("{text}param kept: ‸"), &["Tasks"]);
    for place in ["if ‸", "expect ‸", "guard ‸", "repeat until ‸"] {
        assert_offers(&format!("{text}{place}"), &["plateau", "clean", "retention", "cost"]);
    }
    assert_refuses(&format!("{text}evaluate ‸"), &["plateau"]);
    assert_offers(&format!("{text}expect plateau(clean, ‸"), &["n"]);
    assert_offers(&format!("{text}let few = split(digits, by: ‸"), &["class"]);
}
