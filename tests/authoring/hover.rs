//! `textDocument/hover` and signature help: texts with a cursor, `‸`, in them.

use super::index::analysis;
use fsched::lsp::{hover, signature_help};
use fsched::source::FileId;

fn split(marked: &str) -> (String, usize) {
    (marked.replace('‸', ""), marked.find('‸').expect("a cursor"))
}

/// What is said at the `‸`, and of which text.
fn hovered(marked: &str) -> (String, String) {
    let (text, offset) = split(marked);
    let analysis = analysis(&text);
    let (span, said) = hover::at(&analysis, FileId(0), offset).unwrap_or_else(|| panic!("nothing at {marked:?}"));
    (text[span.range()].to_string(), said)
}

#[track_caller]
fn assert_says(marked: &str, of: &str, parts: &[&str]) {
    let (text, said) = hovered(marked);
    assert_eq!(text, of);
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in what is said at {marked:?}:\n{said}");
    }
}

#[test]
fn words_components_and_arguments_show_their_documentation() {
    assert_says(
        "tr‸ain 5",
        "train",
        &["**train** · step", "plain training", "`duration`", "```fsched\ntrain 10 epochs"],
    );
    assert_says("objective adversarial(p‸gd(eps: 0.1))", "pgd", &["**pgd** · attack", "Madry et al.", "`iters`"]);
    assert_says(
        "objective adversarial(pgd(e‸ps: 0.1))",
        "eps",
        &["**eps** of `pgd`", "radius of the ball", "at least 0", "must be given"],
    );
    assert_says(
        "forget head 30% unit: ch‸annel",
        "channel",
        &["**unit** of `forget`", "output channels", "default weight"],
    );
    assert_says("rep‸eat 5 { train 2 }", "repeat", &["control", "10 epochs of training"]);
    assert_says("evaluate clean o‸n test", "on", &["split of the data"]);
    assert_says("evaluate cl‸ean on test", "clean", &["higher is better; between 0% and 100%"]);
    assert_says("evaluate clean on te‸st", "test", &["split of the data"]);
    assert_says("param p: Sh‸are = 30%\ntrain 1", "Share", &["a share such as `30%`"]);
}

#[test]
fn names_show_their_values() {
    let text = "let attack = pgd(eps: 8/255)\nobjective adversarial(att‸ack)\ntrain 1";
    assert_says(text, "attack", &["let attack = pgd(eps: 8/255)", "Attack", "used once"]);
    let text = "param share: Share = 30% in 0%..=100% \"how much\"\nforget head sh‸are";
    assert_says(text, "share", &["param share: Share = 30% in 0%..=100%", "how much", "--set share="]);
    let text = "phase polish(s: Share, n: Duration = 2) { forget head s; train n }\npol‸ish(30%)";
    assert_says(text, "polish", &["phase polish(s: Share, n: Duration = 2)", "2 epochs of training"]);
    assert_says("for c in 0..3 { zap head[‸c]; train 1 }", "c", &["for c in 0..3 (3 values)", "Int"]);
    assert_says("let s = 8/2‸55\ntrain 1 with { optimizer sgd(lr: s) }\n", "8/255", &["= 0.0313"]);
    assert_says("checkpoint \"good\"\ntrain 1\nrollback \"go‸od\"", "\"good\"", &["checkpoint \"good\"", "used once"]);
}

#[test]
fn selectors_show_what_they_hit() {
    let text = "model mlp(hidden: [32])\ndata digits\nforget lay‸ers[-2..] 30%\ntrain 1";
    assert_says(
        text,
        "layers",
        &["2 tensors, 2,368 weights, 710 forgotten", "`fc1.weight` 32×64: 2,048, 614 forgotten"],
    );
    let text = "model mlp(hidden: [32])\ndata digits\nfreeze hea‸d\ntrain 1";
    assert_says(text, "head", &["2 tensors, 330 weights", "`fc2.bias`"]);
    let text = "model mlp(hidden: [32])\ndata digits\nlet late = layers[-1]\nforget la‸te 10%\ntrain 1\nbroken (";
    assert_says(text, "late", &["let late = layers[-1]", "1 tensor, 320 weights, 32 forgotten"]);
}

#[test]
fn numbers_say_what_they_come_to() {
    assert_says(
        "data digits\ntrain 4‸0 epochs",
        "40 epochs",
        &["**duration** of `train`", "40 epochs are 840 steps, 21 in each"],
    );
    assert_says("data digits\ntrain 42 st‸eps", "steps", &["unit of time", "2.00 epochs of 21 steps"]);
    assert_says("forget head 3‸0%\ntrain 1", "30%", &["**share** of `forget`", "must be given"]);
}

#[test]
fn pragmas_explain_their_codes() {
    assert_says("train 1 # fsched: allow(hid‸den-name)", "hidden-name", &["# FS1003 hidden-name"]);
    assert_says("# fsched: allow(FS1‸004)\ntrain 1", "FS1004", &["early"]);
}

#[test]
fn nothing_is_said_of_nothing() {
    for marked in ["‸", "train 1 ‸ # why", "# wh‸y", "train 1\n‸\n", "‸漢字 🦀 (((", "\"‸"] {
        let (text, offset) = split(marked);
        assert!(hover::at(&analysis(&text), FileId(0), offset).is_none(), "{marked:?}");
    }
}

#[test]
fn hovering_works_beside_mistakes_and_other_writing_systems() {
    let text = "let größe = 30% # 漢字 🦀\nfrget head 1\nforget head grö‸ße\ntrain (";
    assert_says(text, "größe", &["let größe = 30%", "used once"]);
    assert_says("trian 5\nobjective adversarial(pgd(eps: 0.1, it‸ers: ", "iters", &["**iters** of `pgd`"]);
}

/// The signature at the `‸`: its label, with the parameter that is being typed in `‹›`.
fn signature(marked: &str) -> String {
    let (text, offset) = split(marked);
    let Some(signature) = signature_help::at(&analysis(&text), FileId(0), offset) else { return String::new() };
    let mut label = signature.label;
    if let Some(active) = signature.active {
        let range = signature.parameters[active].0.clone();
        label.insert(range.end, '›');
        label.insert(range.start, '‹');
    }
    label
}

#[test]
fn signatures_follow_the_cursor() {
    let pgd = "pgd(‹eps›, [step], iters: 10, norm: linf, random_start: true, restarts: 1, loss: ce, [kappa], crafted_in: train)";
    assert_eq!(signature("objective adversarial(pgd(‸"), pgd);
    assert_eq!(signature("objective adversarial(pgd(eps: 8/‸255"), pgd);
    assert!(signature("objective adversarial(pgd(0.1, ‸").contains("‹[step]›"));
    assert!(signature("objective adversarial(pgd(0.1, iters: ‸").contains("‹iters: 10›"));
    assert!(signature("forget layers[-1] ‸").contains("forget selector, ‹share›, by: random"));
    assert!(signature("forget layers[-1] 30% unit: ‸").contains("‹unit: weight›"));
    assert!(signature("lr drop(at: [50%, ‸").contains("drop(‹at"));
    assert_eq!(
        signature("phase polish(s: Share, n: Duration = 2) { forget head s; train n }\npolish(30%, ‸"),
        "polish(s: Share, ‹n: Duration = 2›)"
    );
    assert_eq!(signature("let n = ‸"), "");
}

#[test]
fn data_and_models_say_what_they_come_to() {
    assert_says("data dig‸its(validation: 10%)\ntrain 1", "digits", &["**1,16", "500 test**, 10 classes, 1×8×8"]);
    assert_says(
        "data digits\nmodel ml‸p(hidden: [32])\ntrain 1",
        "mlp",
        &["2 layers with weights, 2,410 weights", "4 tensors"],
    );
}

#[test]
fn names_within_unknown_statements_are_known() {
    assert_says("let größe = 30%\nfrget head grö‸ße\n", "größe", &["let größe = 30%", "used once"]);
    assert_says("let n = 3\nfor i in [] { train ‸n }\n", "n", &["let n = 3"]);
    assert_says("let n = 3\ntrian 5 with { batch ‸n }\n", "n", &["let n = 3"]);
}

#[test]
fn tasks_show_their_type_and_conditions_their_documentation() {
    let text = "let tasks = split(digits, by: class, size: 5)\nlet old = tasks[0]\ndata digits\nmeasure clean every: 1 epoch\n\
                train 1\ncheckpoint \"learned\"\n";
    let at = |statement: &str| format!("{text}{statement}");
    assert_says(&at("evaluate retention(ol‸d)"), "old", &["let old = tasks[0]", "Tasks"]);
    assert_says(&at("evaluate retention(ta‸sks)"), "tasks", &["let tasks = ", "Tasks"]);
    assert_says(
        &at("evaluate reten‸tion(old)"),
        "retention",
        &["**retention** · metric", "higher is better", "`since`"],
    );
    assert_says(&at("expect platea‸u(clean, 3)"), "plateau", &["**plateau** · condition", "no new best", "Keras"]);
    assert_says(&at("evaluate cos‸t(matrix: \"costs.csv\")"), "cost", &["lower is better", "at least 0", "Elkan"]);
    assert_says(&at("let few = spl‸it(digits, by: class, size: 2)"), "split", &["**split** · task", "`size`"]);
}
