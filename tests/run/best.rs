//! Checkpoints that are kept as the best, and what is measured of them.

use crate::support::*;
use fsched::runtime::event::Kind;

/// The rate is far too high in the second half, so the best comes before the end.
const TRAIN: &str = "keep last: 0, best: [validation.clean, loss]\ntrain 4\n\
                     train 4 with { optimizer sgd(lr: 2, momentum: 0.9) }\n";

/// Of each measurement of `evaluate`: metric, where, value, and how far the best is from the last.
fn found(outcome: &Outcome) -> Vec<(String, String, f64, Option<f64>)> {
    let of = |event: &fsched::runtime::event::Event| match &event.kind {
        Kind::Measure { metric, value, detail, .. } => {
            let gap = detail.parts.iter().find(|part| part.name == "best - last").map(|part| part.value);
            Some((metric.clone(), detail.at.clone()?, *value, gap))
        }
        _ => None,
    };
    outcome.events.iter().filter_map(of).collect()
}

#[test]
fn each_best_is_measured_as_it_was_and_the_run_goes_on_untouched() {
    let evaluate = "evaluate clean, loss at: [best, last] on validation\n";
    let outcome = run_small(&format!("{TRAIN}{evaluate}train 1 step"));
    outcome.summary();
    assert_eq!(outcome.names("checkpoints"), ["best", "best-2"]);
    let clean: Vec<f64> = outcome.measured("validation.clean")[..8].iter().map(|m| m.1).collect();
    let losses: Vec<f64> = outcome.measured("validation.loss")[..8].iter().map(|m| m.1).collect();
    let by_clean = (0..8).rev().max_by(|a, b| clean[*a].total_cmp(&clean[*b])).unwrap();
    let by_loss = (0..8).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap();
    assert!(by_loss < 7 && clean[by_clean] > clean[7], "{clean:?} {losses:?}");
    let at = |metric: &str, by: &str, values: &[f64], i: usize| {
        (metric.to_string(), format!("best by validation.{by}"), values[i], Some(values[i] - values[7]))
    };
    let last = |metric: &str, values: &[f64]| (metric.to_string(), "last".to_string(), values[7], None);
    let expected = [
        at("clean", "clean", &clean, by_clean),
        at("loss", "clean", &losses, by_clean),
        at("clean", "loss", &clean, by_loss),
        at("loss", "loss", &losses, by_loss),
        last("clean", &clean),
        last("loss", &losses),
    ];
    assert_eq!(found(&outcome), expected);
    let without = run_small(&format!("{TRAIN}train 1 step"));
    assert_eq!(outcome.weights("final.safetensors"), without.weights("final.safetensors"));
    // Where there is no folder, the best are kept in memory.
    let program = small(&format!("{TRAIN}{evaluate}"));
    assert_eq!(found(&run_with(&program, 1, |world| world.folder = None)), expected);
}

#[test]
fn a_best_from_before_the_memory_has_none_to_measure() {
    let outcome = run_small(
        "keep last: 0, best: [validation.clean, validation.clean(of: memory)]\nmemory ema(decay: 0.5)\ntrain 6\n\
         consolidate 2 with { optimizer sgd(lr: 5, momentum: 0.9) }\n\
         evaluate clean, clean(of: memory) at: [best, last] on validation",
    );
    outcome.summary();
    let where_measured: Vec<(String, String)> =
        found(&outcome).into_iter().map(|(metric, at, ..)| (metric, at)).collect();
    let pair = |metric: &str, at: &str| (metric.to_string(), at.to_string());
    let of_memory = "best by validation.clean(of: memory)";
    let expected = [
        pair("clean", "best by validation.clean"),
        pair("clean", of_memory),
        pair("clean(of: memory)", of_memory),
        pair("clean", "last"),
        pair("clean(of: memory)", "last"),
    ];
    assert_eq!(where_measured, expected);
    let warning = |e: &fsched::runtime::event::Event| match &e.kind {
        Kind::Warning { message } => Some(message.clone()),
        _ => None,
    };
    let warnings: Vec<String> = outcome.events.iter().filter_map(warning).collect();
    let told = "`validation.clean(of: memory)` is not measured at the best by validation.clean: that was chosen before there was a memory";
    assert!(warnings.iter().any(|w| w == told), "{warnings:?}");
}

#[test]
fn the_best_of_training_is_measured_on_other_data_too() {
    let outcome = run_small(&format!(
        "{TRAIN}checkpoint \"end\"\n{{ data digits(train: 100, validation: 50%); evaluate clean at: best on test }}\n"
    ));
    outcome.summary();
    let rules: Vec<String> = found(&outcome).into_iter().map(|(_, at, ..)| at).collect();
    assert_eq!(rules, ["best by validation.clean", "best by validation.loss"]);
    // A best by another attack or metric is another one.
    let other = run_small(
        "keep best: clean\ntrain 1\nkeep best: loss\ncheckpoint \"end\"\n{ data digits(train: 50, validation: 50%); evaluate clean at: best }",
    );
    assert!(other.error().message.contains("no best by validation.loss yet"), "{:?}", other.error());
}

#[test]
fn a_best_that_is_not_the_runs_own_is_refused() {
    let none = run_small("keep best: clean\nevaluate clean at: best\ntrain 1");
    assert!(none.error().message.contains("no best by validation.clean yet"), "{:?}", none.error());
    let program = small("keep best: clean\ntrain 1\nevaluate clean at: best");
    let other = run_small("keep best: clean\ntrain 2 steps");
    let replaced = run_with(&program, 1, |world| {
        let (from, to) = (other.path("checkpoints/best"), world.folder.clone().unwrap().join("checkpoints/best"));
        world.listeners.push(Box::new(Replace { from, to }));
    });
    assert!(replaced.error().message.contains("is not the checkpoint that the run chose"), "{:?}", replaced.error());
}

/// Puts another checkpoint in the place of a run's best before it is measured.
struct Replace {
    from: std::path::PathBuf,
    to: std::path::PathBuf,
}

impl fsched::runtime::event::Listener for Replace {
    fn hear(&mut self, event: &fsched::runtime::event::Event) -> std::io::Result<()> {
        if matches!(&event.kind, Kind::Start { what, .. } if what == "evaluate") {
            for entry in std::fs::read_dir(&self.from)? {
                let entry = entry?;
                std::fs::copy(entry.path(), self.to.join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}

#[test]
fn parts_of_a_split_and_budgets_are_measured_together() {
    let outcome = run_small(
        "train 2\nevaluate clean, clean(examples: 100), robust(pgd(eps: 0.1, iters: 5), budgets: [0.05, 0.2]), \
         robust(pgd(eps: 0.1, iters: 5)) per_example: true on test",
    );
    let measures: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            Kind::Measure { n, value, detail, per_example: Some(_), broken_by, .. } => {
                Some((n, value, detail, broken_by))
            }
            _ => None,
        })
        .collect();
    let [all, part, budgets, alone] = &measures[..] else { panic!("{} measurements", measures.len()) };
    assert_eq!([*all.0, *part.0, *budgets.0], [500, 100, 500]);
    let [low, high] = part.2.interval.unwrap();
    assert!(low < *part.1 && *part.1 < high && high - low > 0.05);
    let parts: Vec<(&str, f64)> = budgets.2.parts.iter().map(|p| (p.name.as_str(), p.value)).collect();
    let [("eps 0.05", small), ("eps 0.1", own), ("eps 0.2", large)] = parts[..] else { panic!("{parts:?}") };
    assert!(*all.1 >= small && small > own && own > large, "{parts:?}");
    assert_eq!(*budgets.1, own);
    // What a smaller budget breaks is broken at the larger ones too.
    assert!(own <= *alone.1, "{own} {}", alone.1);
    let broken = |by: &str| budgets.3.as_ref().unwrap().iter().flatten().filter(|found| *found == by).count();
    assert_eq!(broken("eps 0.2"), ((own - large) * 500.0).round() as usize);
    assert_eq!(alone.3, &None, "one attack alone needs no names");
}
