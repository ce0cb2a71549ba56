//! Mistakes that are told once, wherever they show: all that is said of a text, and what sure fixes make of it.

use super::corpus::check;
use fsched::diagnostic::{Applicability, Code, Diagnostic, Severity};
use fsched::language::fix::fix;
use fsched::language::{Disk, Options, analyze};

const BEFORE: &str = "data digits\nmodel mlp(hidden: [16])\ntrain 1\n";

/// All errors of a text behind a good beginning, and the text after its sure fixes.
fn told(text: &str) -> (Vec<Diagnostic>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("told.fsched");
    std::fs::write(&path, format!("{BEFORE}{text}\n")).unwrap();
    let mut said = check(&path).diagnostics;
    // Of lints, those alone that may follow from an error.
    said.retain(|d| d.severity == Severity::Error || [Code::UNUSED_NAME, Code::UNUSED_ALLOW].contains(&d.code));
    let fixed = fix(&path, &Disk { root: None }, &Options::default(), Applicability::Safe).text;
    (said, fixed.strip_prefix(BEFORE).unwrap_or(&fixed).trim_end().to_string())
}

/// A text; code, message and a part of the help of the one thing said of it; what sure fixes make of it, if anything.
type Once = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const THOUSANDS: &str = "thousands are set apart by `_`";
const DECIMALS: &str = "decimals are written with a point";

static ONCE: &[Once] = &[
    ("let lr = 0.1\ntrain 1", "FS0106", "`lr` is a statement's word", "choose another name", None),
    ("name: adam", "FS0102", "there is no statement `name`", "write `optimizer adam …`", None),
    ("type: nothing", "FS0102", "there is no statement `type`", "`fsched list statements`", None),
    (
        "optimizer:",
        "FS0007",
        "no `:` follows the word `optimizer`",
        "write `optimizer …`, without the colon",
        Some("optimizer"),
    ),
    (
        "optimizer sgd lr: 0.1\ntrain 1",
        "FS0007",
        "the arguments of `sgd` stand in brackets",
        "write `sgd(lr: 0.1)`",
        Some("optimizer sgd(lr: 0.1)\ntrain 1"),
    ),
    (
        "optimizer sgd, lr: 0.1 momentum: 0.9  nesterov: true\ntrain 1",
        "FS0007",
        "the arguments of `sgd` stand in brackets",
        "write `sgd(lr: 0.1, momentum: 0.9, nesterov: true)`",
        Some("optimizer sgd(lr: 0.1, momentum: 0.9, nesterov: true)\ntrain 1"),
    ),
    (
        "forget layers[-2], layers[-1] 30%\nrelearn 1",
        "FS0007",
        "selectors are joined by `+`",
        "write `layers[-2] + layers[-1]`",
        Some("forget layers[-2] + layers[-1] 30%\nrelearn 1"),
    ),
    (
        "freeze layers[0] biases\ntrain 1",
        "FS0007",
        "selectors stand next to each other with nothing between",
        "write `layers[0] & biases` for what is in all of them, `layers[0] + biases` for what is in any",
        None,
    ),
    (
        "forget head layer 30%\nrelearn 1",
        "FS0007",
        "selectors stand next to each other with nothing between",
        "write `head & layers` for what is in all of them",
        None,
    ),
    (
        "forget last layer 30%\nrelearn 1",
        "FS0007",
        "layers are selected by their index",
        "write `layers[-1]`",
        Some("forget layers[-1] 30%\nrelearn 1"),
    ),
    (
        "freeze first layer\ntrain 1",
        "FS0007",
        "layers are selected by their index",
        "write `layers[0]`",
        Some("freeze layers[0]\ntrain 1"),
    ),
    (
        "forget last 2 layers 30%\nrelearn 1",
        "FS0007",
        "layers are selected by their index",
        "write `layers[-2..]`",
        Some("forget layers[-2..] 30%\nrelearn 1"),
    ),
    (
        "train_only first 1 layers\ntrain 1",
        "FS0007",
        "layers are selected by their index",
        "write `layers[..1]`",
        Some("train_only layers[..1]\ntrain 1"),
    ),
    (
        "forget last layers 30%\nrelearn 1",
        "FS0007",
        "layers are selected by their index",
        "the last two are `layers[-2..]`",
        None,
    ),
    ("forget layer 1 30%\nrelearn 1", "FS0007", "`layer` and its index stand apart", "write `layers[1]`", None),
    ("train for 5", "FS0101", "nothing here is called `for`", "leave it out", Some("train 5")),
    ("train for 5 epochs", "FS0101", "nothing here is called `for`", "leave it out", Some("train 5 epochs")),
    ("forget from head 5%\nrelearn 1", "FS0101", "nothing here is called `from`", "leave it out", None),
    ("forget head at 5%\nrelearn 1", "FS0101", "nothing here is called `at`", "leave it out", None),
    ("forget head to 5%\nrelearn 1", "FS0101", "nothing here is called `to`", "leave it out", None),
    ("train for", "FS0101", "nothing here is called `for`", "", None),
    (
        "optimizer the sgd(lr: 0.1)\ntrain 1",
        "FS0101",
        "nothing here is called `the`",
        "leave it out",
        Some("optimizer sgd(lr: 0.1)\ntrain 1"),
    ),
    (
        "train 1\n{\n  lr cosine\n}",
        "FS0010",
        "this block does not stand on the line of its header",
        "write `with {` behind the header",
        None,
    ),
    (
        "repeat 2\n{\n  train 1\n}",
        "FS0010",
        "this block does not stand on the line of its header",
        "write `{` behind the header",
        Some("repeat 2 {\n  train 1\n}"),
    ),
    (
        "let n = 500\ntrain n steps",
        "FS0202",
        "a unit follows a number that is written out",
        "the unit belongs to the definition: `let n = 500 steps`; or write `n * 1 step`",
        None,
    ),
    (
        "param n: Int = 500\ntrain n steps",
        "FS0202",
        "a unit follows a number that is written out",
        "write `n * 1 step`",
        None,
    ),
    (
        "train (5*2) epochs",
        "FS0202",
        "a unit follows a number that is written out",
        "write `10 epochs`, or `(5*2) * 1 epoch`",
        None,
    ),
    ("let n = 500 steps\ntrain n steps", "FS0202", "`n` has a unit already: it is 500 steps", "write `n` alone", None),
    ("for k in [1, 2] { train k min }", "FS0202", "a unit follows a number", "write `k * 1 min`", None),
    ("phase f(n) { train n s }\nf(3)", "FS0202", "a unit follows a number", "write `n * 1 s`", None),
    ("expect clean = 85%", "FS0007", "`=` does not compare", "a condition compares with `==`, `>=` or `>`", None),
    ("expect robust(pgd) = 40%", "FS0007", "`=` does not compare", "a condition compares", None),
    ("if clean = 85% { train 1 }", "FS0001", "expected `{`, found `=`", "a condition compares", None),
    (
        "epochs = 10",
        "FS0007",
        "a name is not bound like this",
        "write `train 10`, or `let epochs = …` and use the name below",
        None,
    ),
    (
        "epochs = 10\ntrain 5 epochs",
        "FS0007",
        "a name is not bound like this",
        "write `train 10`, or `let epochs = …` and use the name below",
        None,
    ),
    (
        "epochs = 10\ntrain epochs",
        "FS0007",
        "a name is not bound like this",
        "write `let epochs = …`",
        Some("let epochs = 10\ntrain epochs"),
    ),
    ("let x = 5 if true else 3\ntrain x", "FS0001", "expected a new line or `;`", "`if` stands first", None),
    ("train 10 if clean > 80%", "FS0001", "expected a new line or `;`", "`if` stands first", None),
    (
        "train 10 if true { train 3 }",
        "FS0001",
        "expected a new line or `;`",
        "behind a `;`",
        Some("train 10; if true { train 3 }"),
    ),
    (
        "repeat 2 { train 1 } until clean > 80%",
        "FS0001",
        "expected a new line or `;`",
        "`until` stands before the block",
        None,
    ),
    ("train 10 until clean > 80%", "FS0202", "`until` is no unit of time", "when clean > 80% { stop }", None),
    (
        "train 10, forget head 30%",
        "FS0001",
        "expected a new line or `;`, found `forget`",
        "behind a `;`",
        Some("train 10; forget head 30%"),
    ),
    ("train 1,000 steps", "FS0007", THOUSANDS, "write `1_000`", Some("train 1_000 steps")),
    ("relearn 2,500 epochs", "FS0007", THOUSANDS, "write `2_500`", Some("relearn 2_500 epochs")),
    ("train 1,234,567 steps", "FS0007", THOUSANDS, "write `1_234_567`", Some("train 1_234_567 steps")),
    ("let n = 1,000\ntrain n", "FS0007", THOUSANDS, "write `1_000`", Some("let n = 1_000\ntrain n")),
    ("let n = 1,255\ntrain n", "FS0007", THOUSANDS, "write `1_255`", None),
    ("batch 1,024\ntrain 1", "FS0007", THOUSANDS, "write `1_024`", Some("batch 1_024\ntrain 1")),
    ("repeat 1,000 { train 1 }", "FS0007", THOUSANDS, "write `1_000`", Some("repeat 1_000 { train 1 }")),
    ("measure clean every: 1,000 steps", "FS0007", THOUSANDS, "`1_000`", Some("measure clean every: 1_000 steps")),
    (
        "augment crop(padding: 1,000)\ntrain 1",
        "FS0007",
        THOUSANDS,
        "write `1_000`",
        Some("augment crop(padding: 1_000)\ntrain 1"),
    ),
    ("optimizer sgd(lr: 1,234)\ntrain 1", "FS0007", THOUSANDS, "write `1_234`", None),
    ("let sizes = [1,024]\ntrain sizes[0]", "FS0007", THOUSANDS, "write `1_024`", None),
    ("evaluate robust(pgd(0,03))", "FS0007", DECIMALS, "write `0.03`", Some("evaluate robust(pgd(0.03))")),
    (
        "evaluate robust(pgd(eps: 0,03, iters: 5))",
        "FS0007",
        DECIMALS,
        "write `0.03`",
        Some("evaluate robust(pgd(eps: 0.03, iters: 5))"),
    ),
    ("train 1,5 epochs", "FS0007", DECIMALS, "write `1.5`", Some("train 1.5 epochs")),
    ("for i in 1,2 { train i }", "FS0007", DECIMALS, "write `1.2`", None),
    ("for i in 1,200 { train i }", "FS0007", THOUSANDS, "write `1_200`", None),
    ("batch 32,64\ntrain 1", "FS0007", DECIMALS, "write `32.64`", None),
    ("forget layers 0,1 30%\nrelearn 1", "FS0007", DECIMALS, "write `0.1`", None),
    ("train 1,000epochs", "FS0007", THOUSANDS, "write `1_000epochs`", Some("train 1_000 epochs")),
    ("lr warmup(2,500 steps) then cosine\ntrain 1", "FS0007", THOUSANDS, "write `2_500 steps`", None),
    (
        "lr warmup(2,000 steps) then cosine\ntrain 1",
        "FS0007",
        THOUSANDS,
        "write `2_000`",
        Some("lr warmup(2_000 steps) then cosine\ntrain 1"),
    ),
    // The other number of the list is not told, so nothing here is sure.
    ("let sizes = [1,000, 2,500]\ntrain sizes[0]", "FS0007", THOUSANDS, "write `1_000`", None),
    ("lr drop(at: [0,05, 0.1])\ntrain 1", "FS0007", DECIMALS, "write `0.05`", None),
    (
        "optimizer sgd(lr: 0,5e-3)\ntrain 1",
        "FS0007",
        DECIMALS,
        "write `0.5e-3`",
        Some("optimizer sgd(lr: 0.5e-3)\ntrain 1"),
    ),
    ("evaluate robust(pgd(0,3))", "FS0007", DECIMALS, "write `0.3`", None),
    ("evaluate robust(fgsm(1,5))", "FS0007", DECIMALS, "write `1.5`", None),
    ("evaluate robust(pgd(eps: 1,5, norm: l2))", "FS0007", DECIMALS, "write `1.5`", None),
    (
        "optimizer sgd(lr: 0,1, momentum: 0.9)\ntrain 1",
        "FS0007",
        DECIMALS,
        "write `0.1`",
        Some("optimizer sgd(lr: 0.1, momentum: 0.9)\ntrain 1"),
    ),
    ("optimizer sgd(lr: 0,100)\ntrain 1", "FS0007", DECIMALS, "`0.100`", Some("optimizer sgd(lr: 0.100)\ntrain 1")),
    ("forget head 12,5%\nrelearn 1", "FS0007", DECIMALS, "write `12.5%`", Some("forget head 12.5%\nrelearn 1")),
    (
        "optimizer sgd(lr: 0. 05)\ntrain 1",
        "FS0002",
        "the digits behind a point touch it",
        "write `0.05`",
        Some("optimizer sgd(lr: 0.05)\ntrain 1"),
    ),
    ("evaluate robust(pgd(0. 3))", "FS0002", "the digits behind a point touch it", "write `0.3`", None),
    (
        "param n in 1..10 = 5\ntrain n",
        "FS0001",
        "the range of a `param` stands behind its value",
        "write `param n = 5 in 1..10`",
        Some("param n = 5 in 1..10\ntrain n"),
    ),
    (
        "param n: Int in 1..10 = 2 * 3  # much\ntrain n",
        "FS0001",
        "the range of a `param` stands behind its value",
        "write `param n: Int = 2 * 3 in 1..10`",
        Some("param n: Int = 2 * 3 in 1..10  # much\ntrain n"),
    ),
    (
        "param n in 1..10 = 5 \"rounds\"\ntrain n",
        "FS0001",
        "the range of a `param` stands behind its value",
        "write `param n = 5 \"rounds\" in 1..10`",
        None,
    ),
    (
        "param n: Int = 5 in 1..5\ntrain n",
        "FS0203",
        "`n` is at least 1 and below 5, not 5",
        "write `..=5` to have it too",
        None,
    ),
    ("param n = 7 in ..5\ntrain n", "FS0203", "`n` is below 5, not 7", "", None),
    (
        "for i in [1..3] { train i }",
        "FS0201",
        "with `i` = 1..3, `duration` of `train` takes a duration",
        "write `for i in 1..3`",
        None,
    ),
    (
        "for i in [[1, 2..], [\"a\"]] { train i }",
        "FS0201",
        "with `i` = [1, 2..], `duration` of `train` takes a duration",
        "",
        None,
    ),
    (
        "repeat 1000000000 { repeat 1000000000 { train 1 epoch } }",
        "FS0506",
        "this program trains for more than 1000000000000 steps",
        "",
        None,
    ),
    ("train 5.", "FS0002", "`5.` has no digit behind its point", "write `5`", Some("train 5")),
    (
        "evaluate clean on val",
        "FS0403",
        "`val` is no split of the data",
        "did you mean `validation`",
        Some("evaluate clean on validation"),
    ),
    (
        "forget params(\"net*\") 30%\nrelearn 1",
        "FS0301",
        "`params(\"net*\")` hits nothing; the model has 4 tensors: `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`",
        "",
        None,
    ),
    (
        "forget params(\"bias\") 30%\nrelearn 1",
        "FS0301",
        "`params(\"bias\")` hits nothing",
        "did you mean `params(\"*bias*\")`?",
        None,
    ),
];

#[test]
fn one_mistake_is_told_once() {
    let mut wrong = Vec::new();
    for (text, code, message, help, expected) in ONCE {
        let (said, fixed) = told(text);
        let right = |d: &Diagnostic| {
            d.code.id() == *code && d.message.starts_with(message) && d.help.as_deref().unwrap_or("").contains(help)
        };
        if said.len() != 1 || !right(&said[0]) {
            wrong.push(format!("{text}: {code} {message} ({help}), not {said:#?}"));
        }
        if fixed != expected.unwrap_or(text) {
            wrong.push(format!("{text}: {expected:?}, not {fixed}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn lists_without_blanks_are_lists() {
    for text in [
        "let sizes = [256,128]\ntrain sizes[0]",
        "let sizes = [1,2,3]\ntrain sizes[0]",
        "for i in [0,1] { train i + 1 }",
        "for i in [100,200,300] { train i }",
        "lr drop(at: [1,5], by: 0.1)\ntrain 10",
        "evaluate robust(pgd(0.3,0.1,5))",
        "evaluate robust(pgd(8/255,2/255,10))",
        "phase f(a,b) { train a; relearn b }\nf(1,5)\nf(100,200)",
    ] {
        let (said, fixed) = told(text);
        let wrong: Vec<_> = said.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(wrong.is_empty() && fixed == text, "{text}: {wrong:#?}");
    }
    // Whole numbers stay what they are where one is too many.
    let (said, _) = told("augment crop(32,4)\ntrain 1");
    assert_eq!(said[0].code.id(), "FS0205");
}

#[test]
fn names_with_hyphens_are_one_word() {
    for (text, fixed) in [
        ("data Fashion-MNIST", "data fashion"),
        ("data Fashion - MNIST", "data fashion"),
        ("data cifar-10", "data cifar10"),
        ("data cifar-100", "data cifar100"),
        ("model ResNet-18", "model resnet18"),
        ("model preact-resnet-18", "model preact_resnet18"),
        ("objective cross-entropy", "objective cross_entropy"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hyphen.fsched");
        std::fs::write(&path, text).unwrap();
        let said = check(&path).diagnostics;
        let name = text.split_once(' ').unwrap().1.replace(' ', "");
        let unknown: Vec<_> = said.iter().filter(|d| d.message.contains(&format!("`{name}`"))).collect();
        assert_eq!(unknown.len(), 1, "{text}: {said:#?}");
        let named = said.iter().filter(|d| d.code.id().starts_with("FS01")).count();
        assert_eq!(named, 1, "{text}: {said:#?}");
        let corrected = fix(&path, &Disk { root: None }, &Options::default(), Applicability::Safe).text;
        assert_eq!(corrected, fixed);
    }
    // A difference of things that have these names stays one.
    let (said, _) = told("let cifar = 20\nlet n = cifar-10\ntrain n epochs");
    assert!(said.iter().all(|d| !d.message.contains("cifar-10")), "{said:#?}");
}

/// Labels of the one error of a text.
fn labels(text: &str) -> Vec<(String, String)> {
    let (said, _) = told(text);
    assert_eq!(said.len(), 1, "{said:#?}");
    let whole = format!("{BEFORE}{text}\n");
    let shown = |l: &fsched::diagnostic::Label| (whole[l.span.range()].to_string(), l.text.clone());
    said[0].labels.iter().map(shown).collect()
}

#[test]
fn a_mistake_in_a_phase_shows_the_calls_that_made_it() {
    let from = |what: &str, text: &str| (what.to_string(), text.to_string());
    assert_eq!(
        labels("phase f(n) { forget head n; relearn 1 }\nphase g(m) { f(m) }\ng(10%)\ng(5)"),
        [from("m", "`n` comes from this call"), from("5", "`m` comes from this call")]
    );
    assert_eq!(
        labels("checkpoint \"a\"\nphase f(c) { train 1; rollback c }\nf(c: \"b\")"),
        [from("\"b\"", "`c` comes from this call")]
    );
    // What no argument has a part in shows no call.
    assert_eq!(labels("phase f(n) { forget head 5; relearn n }\nf(1)"), []);
    // What nobody passed comes from the parameter itself.
    assert_eq!(
        labels("phase f(share = 130%) { forget head share; relearn 1 }\nf()"),
        [from("share", "its value comes from here")]
    );
    // Neither does the name of an argument, or a text.
    for body in ["optimizer sgd(lr: 0.1, momentum: 1 epoch)", "rollback \"n\""] {
        let text = format!(
            "phase f(momentum: Real, n: Int) {{ optimizer sgd(lr: 0.1, momentum: momentum)\ntrain n\n{body} }}\nf(0.5, 4)"
        );
        assert!(labels(&text).iter().all(|(_, label)| !label.contains("this call")), "{text}");
    }
    // Nor does another thing of the same name.
    assert_eq!(
        labels("phase f(n) { if true { let n = 5\nforget head n\nrelearn 1 } }\nf(10%)").last().unwrap().1,
        "its value comes from here"
    );
}

#[test]
fn a_mistake_shows_where_its_value_comes_from() {
    let from = |what: &str| vec![(what.to_string(), "its value comes from here".to_string())];
    assert_eq!(labels("let x = \"nowhere.safetensors\"\nweights x"), from("x"));
    assert_eq!(labels("for n in [1, 0] { batch n; train 1 }"), from("n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.fsched");
    std::fs::write(&path, "param f = \"good.safetensors\"\ndata digits\nmodel mlp\nweights f\ntrain 1\n").unwrap();
    let options = Options { sets: vec![("f".into(), "\"bad.safetensors\"".into())], ..Options::default() };
    let analysis = analyze(&path, &Disk { root: None }, &options);
    let labels_of: Vec<_> = analysis.diagnostics.iter().flat_map(|d| &d.labels).collect();
    let places: Vec<_> = labels_of.iter().map(|label| analysis.sources.text(label.span)).collect();
    assert_eq!(places, ["\"bad.safetensors\""]);
    // What is wrong with these is not their value.
    assert_eq!(labels("phase f() { train 1 }\nlet n = 1\nf(n)"), [("f".into(), "defined here".into())]);
    assert_eq!(labels("let n = 1 epoch\nmeasure clean every: n, at: forget\ntrain 1\nforget head 5%"), []);
}

#[test]
fn nothing_is_said_of_what_stands_in_an_unknown_block_but_what_the_syntax_says() {
    let (said, _) = told("stage 1 {\n  trian 3\n  batch_size = 64\n  train 1\n}\ntrain 1");
    let messages: Vec<_> = said.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(messages, ["there is no statement `stage`", "no `=` stands in a statement"]);
}

#[test]
fn a_slip_that_comes_again_is_mended_wherever_it_stands() {
    let text = "trian 1\n".repeat(700) + "repeat 2 { trian 2 }";
    let (said, fixed) = told(&text);
    assert_eq!(said.len(), 1);
    assert!(said[0].fixes[0].title.starts_with("replace with `train`, in "), "{}", said[0].fixes[0].title);
    assert_eq!(fixed, text.replace("trian", "train"));
}

#[test]
fn very_long_names_are_compared_with_none() {
    for letters in ["ab".repeat(20_000), (0..20_000).filter_map(|i| char::from_u32(0x4e00 + i)).collect()] {
        let (said, _) =
            told(&format!("let {letters}x = 1\ntrain {letters}y\ncheckpoint \"{letters}\"\nrollback \"{letters}z\""));
        assert!(said.iter().all(|d| !d.help.iter().any(|h| h.contains("did you mean"))), "{said:?}");
    }
}

#[test]
fn long_words_are_not_told_whole() {
    let long = "x".repeat(100_000);
    for text in [
        format!("{long} 1"),
        format!("train {long}"),
        format!("checkpoint \"{long}\"\ncheckpoint \"{long}\""),
        format!("rollback \"{}\"", "many words ".repeat(10_000)),
        format!("forget params(\"{long}\") 30%\nrelearn 1"),
        format!("let {long} = 1"),
        format!("optimizer sgd({long}: 1)"),
        format!("objective {long}-{long}"),
        format!("train {}", "9".repeat(100_000)),
        format!("{long}: 1"),
        format!("{long} = 1"),
        format!("train 1 # fsched: allow({long})"),
        format!("evaluate clean on {long}"),
        format!("phase f(n) {{ train n }}\nf({long}: 1)"),
    ] {
        let (said, _) = told(&text);
        assert!(!said.is_empty(), "{}", &text[..40]);
        for d in said {
            let titles = d.fixes.iter().map(|f| &f.title);
            let texts =
                titles.chain(&d.help).chain([&d.message, &d.primary.text]).chain(d.labels.iter().map(|l| &l.text));
            for shown in texts {
                assert!(shown.chars().count() < 2_100, "{}: {} characters", &text[..40], shown.len());
            }
        }
    }
    let (said, _) = told(&format!("{long} 1"));
    assert_eq!(said[0].message, format!("there is no statement `{}…{}`", "x".repeat(80), "x".repeat(40)));
}

#[test]
fn a_block_below_a_step_can_be_made_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("block.fsched");
    std::fs::write(&path, format!("{BEFORE}train 1\n{{\n  lr cosine\n}}\n")).unwrap();
    let fixed = fix(&path, &Disk { root: None }, &Options::default(), Applicability::Unsafe);
    assert_eq!(fixed.text, format!("{BEFORE}train 1 with {{\n  lr cosine\n}}\n"));
    assert!(fixed.analysis.program.is_some());
}
