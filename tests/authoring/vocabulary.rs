//! Completeness: every statement word, component and parameter is hovered with its documentation, and offered in its
//! place.

use super::index::analysis;
use fsched::components::{Family, Param, catalogue};
use fsched::language::index::words;
use fsched::language::statements::WORDS;
use fsched::language::vocabulary::Part;
use fsched::lsp::completion::Offer;
use fsched::lsp::{completion, hover};
use fsched::source::FileId;

fn offered(text: &str, label: &str) -> Offer {
    let offers = completion::at(&analysis(text), FileId(0), text.len()).offers;
    let labels: Vec<&str> = offers.iter().map(|o| o.label.as_str()).collect();
    let found = offers.iter().find(|o| o.label == label);
    found.unwrap_or_else(|| panic!("{label:?} is not offered behind {text:?}: {labels:?}")).clone()
}

fn hovered(text: &str, offset: usize) -> String {
    let found = hover::at(&analysis(text), FileId(0), offset);
    found.unwrap_or_else(|| panic!("nothing is said of {:?} in {text:?}", &text[offset..])).1
}

/// Where a component of each family may stand.
fn place(family: Family) -> &'static str {
    match family {
        Family::Data => "data ",
        Family::Augment => "augment ",
        Family::Model => "model ",
        Family::Tower => "model vlm(\"decoder\", vision: ",
        Family::Adapter => "adapt ",
        Family::Layer => "model sequential([",
        Family::Optimizer => "optimizer ",
        Family::Schedule => "lr ",
        Family::Objective => "objective ",
        Family::Attack => "objective adversarial(",
        Family::Ranking => "forget head 10% by: ",
        Family::Fill => "forget head 10% to: ",
        Family::Memory => "memory ",
        Family::Recall => "recall ",
        Family::Metric => "evaluate ",
        Family::Task => "let tasks = ",
        Family::Condition => "expect ",
    }
}

/// A parameter, offered by name behind `before` and hovered there.
fn parameter(before: &str, param: &Param) {
    let name = format!("{}:", param.name);
    assert!(offered(before, &name).doc.contains(param.doc), "{name} behind {before:?}");
    let text = format!("{before}{name} ");
    let said = hovered(&text, before.len() + 1);
    assert!(said.contains(param.doc) && said.contains(&param.facts()), "{text:?}: {said}");
}

/// What stands before a statement in the block where it belongs, and behind it.
fn around(word: &str) -> (&'static str, &'static str) {
    match word {
        "every" | "when" => ("train 1 {\n", "\n}"),
        "stop" => ("train 1 { every 1 {\n", "\n}}"),
        "rollback" => ("checkpoint \"name\"\n", ""),
        "protect" | "merge" | "export" => ("adapt lora\n", ""),
        "recompute" => ("model tiny_llava\n", ""),
        _ => ("", ""),
    }
}

#[test]
fn every_statement_is_offered_and_hovered_with_its_parameters() {
    for word in WORDS {
        assert!(offered(around(word.name).0, word.name).doc.contains(word.doc), "{}", word.name);
        let text = format!("train 1\n{}", word.example);
        let said = hovered(&text, 8 + text[8..].find(word.name).unwrap());
        assert!(said.contains(word.doc) && said.contains(word.example), "{}: {said}", word.name);
        word.params.iter().for_each(|p| parameter(&format!("{} ", word.name), p));
    }
}

#[test]
fn every_component_is_offered_and_hovered_with_its_parameters() {
    for member in Family::ALL.iter().flat_map(|f| catalogue::members(*f)) {
        let before = place(member.family);
        // `then` is an operator between two schedules.
        let before = if member.name == "then" { "lr cosine " } else { before };
        assert!(offered(before, member.name).doc.contains(if member.name == "then" { "schedule" } else { member.doc }));
        if member.name == "then" {
            continue;
        }
        let call = format!("{before}{}(", member.name);
        let said = hovered(&call, before.len());
        assert!(said.contains(member.doc) && said.contains(member.source), "{}: {said}", member.name);
        member.params.iter().for_each(|p| parameter(&call, p));
    }
}

#[test]
fn every_small_word_has_a_line() {
    let named = |table: &[words::Described]| table.iter().map(|(w, _)| *w).collect();
    assert_eq!(Part::Selector.words(), named(words::SELECTORS));
    assert_eq!(Part::Split.words(), named(words::SPLITS));
    let particles: std::collections::BTreeSet<_> =
        Part::Particle.words().union(&Part::Operator.words()).copied().collect();
    assert_eq!(particles, named(words::PARTICLES));
    for unit in Part::Unit.words() {
        let text = format!("train 3 {unit}");
        assert!(hovered(&text, 9).contains("unit of time"), "{unit}");
    }
}

/// What is written when nothing is filled in but what is suggested reads without a mistake of names, types or syntax.
#[test]
fn what_completion_writes_is_right() {
    for word in WORDS.iter().filter(|w| !["use", "weights", "else"].contains(&w.name)) {
        let (before, behind) = around(word.name);
        let written = offered(before, word.name).plain().replace("\n\t\n", " train 1 ");
        let text = format!("{before}{written}{behind}\ntrain 1\n");
        let analysis = analysis(&text);
        assert!(analysis.program.is_some(), "{text}\n{:?}", analysis.diagnostics);
    }
    for member in Family::ALL.iter().flat_map(|f| catalogue::members(*f)).filter(|m| m.name != "then") {
        let before = place(member.family);
        let closers: String = before
            .chars()
            .rev()
            .filter_map(|c| "(".contains(c).then_some(')').or("[".contains(c).then_some(']')))
            .collect();
        // A bare `robust` is measured under the objective's attack.
        let above = match member.name {
            "retention" => "train 1\ncheckpoint \"learned\"\n",
            _ if member.family == Family::Metric => "objective adversarial(fgsm(0.1))\n",
            _ => "",
        };
        let text = format!("{above}{before}{}{closers}\ntrain 1\n", offered(before, member.name).plain());
        let wrong =
            analysis(&text).diagnostics.into_iter().find(|d| ["FS00", "FS01", "FS02"].contains(&&d.code.id()[..4]));
        // The name that `rewind` suggests is a checkpoint's that nobody made.
        assert!(wrong.is_none() || member.name == "rewind", "{text}{wrong:?}");
    }
}
