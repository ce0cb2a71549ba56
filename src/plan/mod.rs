//! [`Program`] → [`Plan`]: what will happen, counted and hashed before the first batch. Loops stay loops.

pub mod cost;
pub mod diff;
#[cfg(test)]
mod fixture;
pub mod footprint;
pub mod hash;
mod json;
pub mod lessons;
mod listing;
mod lr;
pub mod passes;
mod place;
pub mod range;
mod settings_text;
mod table;
pub mod targets;
mod text_cost;
pub mod totals;
mod triggers;
mod variables;
mod words;

pub use cost::Profile;
pub use diff::{Change, diff};
pub use footprint::Footprint;
pub use hash::{Checksums, NUMERICS_VERSION};
pub use place::moved;
pub use range::Range;
pub use totals::Totals;

use crate::disk::sha256;
use crate::language::program::{Op, Program, Step, Trigger};
use crate::source::{Sources, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a run of a program does.
#[derive(Clone, Debug)]
pub struct Plan {
    pub program: Arc<Program>,
    /// SHA-256 of the program's texts
    pub program_hash: String,
    /// SHA-256 of its trials' identities
    pub hash: String,
    /// identity of the one trial
    pub trial: String,
    pub totals: Totals,
    pub footprint: Footprint,
    /// by [`hash::key`], of triggers by their path
    step_hashes: BTreeMap<String, String>,
    places: BTreeMap<Span, Place>,
}

/// Where a step was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// from 1
    pub line: usize,
    /// its first line, white space folded
    pub text: String,
}

impl Plan {
    /// Counts and hashes a program; files count by their names.
    pub fn new(program: Arc<Program>, sources: &Sources) -> Plan {
        Plan::with_checksums(program, sources, &Checksums::new())
    }

    /// The same where the checksums of data, weights and other files that the program names are known.
    pub fn with_checksums(program: Arc<Program>, sources: &Sources, checksums: &Checksums) -> Plan {
        let trial = hash::trial(&program, checksums);
        let mut places = BTreeMap::new();
        each_step(&program.body, &mut |step| {
            let triggers = triggers_of(step).iter().map(|t| t.span);
            for span in std::iter::once(step.span).chain(triggers) {
                places.entry(span).or_insert_with(|| Place::of(span, sources));
            }
        });
        Plan {
            program_hash: texts_hash(sources),
            hash: sha256(trial.as_bytes()),
            totals: totals::Counter::new(&program).body(&program.body),
            footprint: Footprint::of(&program),
            step_hashes: hash::steps(&program, checksums),
            trial,
            places,
            program,
        }
    }

    /// Where a step or trigger was written.
    pub fn place(&self, span: Span) -> Place {
        self.places.get(&span).cloned().unwrap_or_default()
    }

    /// Identity of a step's content, 16 hex characters; equal for steps that do the same.
    pub fn step_hash(&self, step: &Step) -> &str {
        self.step_hashes.get(&hash::key(step)).map_or("", String::as_str)
    }

    /// The same of a trigger.
    fn trigger_hash(&self, trigger: &Trigger) -> &str {
        self.step_hashes.get(&trigger.id).map_or("", String::as_str)
    }
}

impl Place {
    fn of(span: Span, sources: &Sources) -> Place {
        let first = sources.text(span).lines().next().unwrap_or_default();
        Place {
            file: sources.get(span.file).name.clone(),
            line: sources.place(span).line,
            text: first.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// Hash of the texts of all files, in the order in which they were read. Values from the command line are no files.
fn texts_hash(sources: &Sources) -> String {
    let texts = sources.iter().filter(|(_, s)| !s.name.starts_with("<--set"));
    sha256(texts.map(|(_, s)| sha256(s.text.as_bytes())).collect::<String>().as_bytes())
}

/// What happens between the steps of a training step.
fn triggers_of(step: &Step) -> &[Trigger] {
    match &step.op {
        Op::Train(train) => &train.triggers,
        _ => &[],
    }
}

/// Calls `f` with every step in written order, loops before what is in them.
pub fn each_step<'a>(body: &'a [Step], f: &mut impl FnMut(&'a Step)) {
    for step in body {
        f(step);
        step.op.bodies().for_each(|body| each_step(body, f));
    }
}
