//! `fsched audit DIR`

use super::failure::{Exit, Failure};
use super::job::written;
use super::settle::RunForm;
use super::stored::{analyze_stored, places};
use crate::diagnostic::Code;
use crate::language::program::Program;
use crate::plan::Plan;
use crate::record::screen::{Ink, Screen, harmless};
use crate::record::{Audit as Records, Entry, Manifest, audit, plural, thousands};
use crate::runtime::audit::{Place, Redone, redo};
use crate::runtime::store;
use candle_core::Device;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Tell what a run forgot, when and by which draw, and whether its records are what was written
#[derive(clap::Args, Debug)]
pub struct Audit {
    /// Folder of the run
    #[arg(value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value = "human")]
    format: RunForm,
}

/// What came of doing a change again.
enum Verdict {
    /// to the last bit
    Same,
    /// the random draw chose the same weights
    SameDraw,
    Differs,
    /// why it could not be done
    Unknown(String),
}

impl Audit {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let unreadable = |e: std::io::Error| {
            let failure = Failure::new(Exit::RunFailed, e.to_string()).code(Code::BAD_RUN_FOLDER);
            failure.help("name the folder of a run, with all of its records")
        };
        let manifest = Manifest::read(&self.folder).map_err(unreadable)?;
        let mut records = audit(&self.folder, &manifest).map_err(unreadable)?;
        let program = self.program(&manifest, &mut records);
        let mut verdicts = Vec::new();
        for entry in &records.entries {
            verdicts.push(match &program {
                Some(program) => again(program, &manifest, &records, entry),
                None => Verdict::Unknown("the program of the run cannot be read".into()),
            });
        }
        for (entry, verdict) in records.entries.iter().zip(&verdicts) {
            if let Verdict::Differs = verdict {
                let text = format!("change {} (step {}) is not what the program does there", entry.ordinal, entry.step);
                records.problems.push(text);
            }
        }
        match self.format {
            RunForm::Human => write!(out, "{}", tell(&manifest, &records, &verdicts, Screen::stdout()))?,
            RunForm::Json => writeln!(out, "{}", object(&records, &verdicts))?,
        }
        if records.problems.is_empty() {
            return Ok(Exit::Done);
        }
        let count = match records.problems.len() {
            1 => "1 thing does".to_string(),
            n => format!("{n} things do"),
        };
        Err(Failure::new(Exit::RunFailed, format!("{count} not fit in `{}`", self.folder.display()))
            .code(Code::RECORDS_CHANGED)
            .help("the records were changed after they were written, or a disk lost some of them"))
    }

    /// The program as the run had it, if it still comes to the same plan.
    fn program(&self, manifest: &Manifest, records: &mut Records) -> Option<Arc<Program>> {
        let analysis = analyze_stored(&self.folder, manifest).ok()?;
        let program = Arc::new(analysis.program?);
        let files = super::checksums::Files::read(&program, &places(manifest), false).ok()?;
        let plan = Plan::with_checksums(program.clone(), &analysis.sources, &files.checksums);
        if plan.hash != manifest.plan {
            let text =
                "program.fsched, its data or this version of fsched do not come to the plan that the manifest names";
            records.problems.push(text.into());
        } else if std::fs::read_to_string(self.folder.join("plan.json")).ok() != Some(written(&plan)) {
            records.problems.push("plan.json is not the plan of the program".into());
        }
        Some(program)
    }
}

fn again(program: &Program, manifest: &Manifest, records: &Records, entry: &Entry) -> Verdict {
    let right_before =
        records.checkpoints.iter().find(|(_, s)| (s.clock, s.changes) == (entry.clock, entry.ordinal - 1));
    let loaded = right_before.map(|(path, _)| store::load(path, &program.model, program.precision, &Device::Cpu));
    let before = match loaded {
        Some(Ok(loaded)) => Some(loaded.state),
        Some(Err(failure)) => return Verdict::Unknown(failure.message),
        None => None,
    };
    let place = Place { step: &entry.step, ordinal: entry.ordinal, what: &entry.what };
    let doubtful = |same: bool, verdict: Verdict| match same {
        true => verdict,
        false if records.program_changed => {
            Verdict::Unknown("the program was changed while the run was interrupted".into())
        }
        false => Verdict::Differs,
    };
    match redo(program, &places(manifest), place, before) {
        Ok(Redone::Exactly(change)) => doubtful(entry.is(&change, true), Verdict::Same),
        Ok(Redone::Drawn(change)) => doubtful(entry.is(&change, false), Verdict::SameDraw),
        Ok(Redone::Not(why)) => Verdict::Unknown(why),
        Err(_) if records.program_changed => doubtful(false, Verdict::Same),
        Err(failure) => Verdict::Unknown(failure.message),
    }
}

fn tell(manifest: &Manifest, records: &Records, verdicts: &[Verdict], screen: Screen) -> String {
    let mut out = format!(
        "{}: {}\n",
        screen.paint(Ink::Strong, harmless(&manifest.program.path)),
        match records.entries.len() {
            0 => "no weights were changed other than by gradient".to_string(),
            n => format!("{} of weights other than by gradient", plural(n, "change")),
        }
    );
    for (entry, verdict) in records.entries.iter().zip(verdicts) {
        out += &format!("\n{}. {}\n", entry.ordinal, harmless(&sentence(entry)));
        for measured in &entry.measured {
            let value = |v: Option<f64>| v.map_or("not finite".into(), |v| format!("{v:.4}"));
            let (before, after) = (value(measured.before), value(measured.after));
            out += &format!("   {} went from {before} to {after}.\n", harmless(&measured.metric));
        }
        out += &match verdict {
            Verdict::Same => {
                screen.paint(Ink::Good, "   Done again from the checkpoint before it: the same to the last bit.\n")
            }
            Verdict::SameDraw => screen.paint(Ink::Good, "   Drawn again from its random stream: the same weights.\n"),
            Verdict::Differs => screen.paint(Ink::Error, "   Done again: it is another change.\n"),
            Verdict::Unknown(why) => screen.paint(Ink::Faint, format!("   Not done again: {}.\n", harmless(why))),
        };
    }
    out += "\n";
    if records.problems.is_empty() {
        let sound = "The ledger's chain is whole, and the manifest, the checkpoints and the events fit it.\n";
        return out + &screen.paint(Ink::Good, sound);
    }
    for problem in &records.problems {
        out += &format!("{} {}\n", screen.paint(Ink::Error, "does not fit:"), harmless(problem));
    }
    out
}

/// `After 76 steps (2 epochs), 2.repeat[1].2 on line 11 forgot 96 of 320 weights of fc2.weight: 30 % …`
fn sentence(entry: &Entry) -> String {
    let names: Vec<&str> = entry.tensors.iter().map(|t| t.name.as_str()).collect();
    let of = match names.as_slice() {
        [] => String::new(),
        [one] => format!(" of {one}"),
        [first, second] => format!(" of {first} and {second}"),
        [first, .., last] => format!(" of {} tensors, {first} to {last}", names.len()),
    };
    let line = entry.line.map_or(String::new(), |line| format!(" on line {line}"));
    let when = format!(
        "After {} ({:.2} epochs), step {}{line}",
        plural(entry.clock as usize, "step"),
        entry.epochs,
        entry.step
    );
    let (changed, selected) = (thousands(entry.changed as u64), thousands(entry.selected as u64));
    let arguments = &entry.arguments;
    let word = |key: &str| arguments[key]["name"].as_str().or(arguments[key].as_str()).unwrap_or("?").to_string();
    let drawn = entry.stream.as_ref().map_or(String::new(), |stream| format!(", from the random stream `{stream}`"));
    match entry.what.as_str() {
        "forget" => {
            // As many digits as a share of a percentage has that people write.
            let share = format!("{:.4}", arguments["share"].as_f64().unwrap_or_default() * 100.0);
            let share = share.trim_end_matches('0').trim_end_matches('.');
            let (by, to) = (word("by"), word("to"));
            format!("{when} forgot {changed} of {selected} selected weights{of}: {share} %, by {by}, to {to}{drawn}.")
        }
        "zap" => format!("{when} drew {changed} weights of the classifier anew ({}){drawn}.", word("reset_scale")),
        "rollback" => {
            format!("{when} went back to checkpoint \"{}\": {changed} weights{of} became others.", word("name"))
        }
        "merge" => {
            let rounded = arguments["dtype"].as_str().map_or(String::new(), |dtype| format!(", rounded to {dtype}"));
            format!("{when} merged the adapters into {changed} weights{of}{rounded}, and began fresh ones{drawn}.")
        }
        "load" => format!("{when} loaded {} ({} weights{of} became others).", word("path"), changed),
        other => format!("{when} made a change called {other} of {changed} weights{of}."),
    }
}

fn object(records: &Records, verdicts: &[Verdict]) -> serde_json::Value {
    let changes = records.entries.iter().zip(verdicts).map(|(entry, verdict)| {
        let (word, why) = match verdict {
            Verdict::Same => ("same", None),
            Verdict::SameDraw => ("same draw", None),
            Verdict::Differs => ("differs", None),
            Verdict::Unknown(why) => ("unknown", Some(why)),
        };
        json!({ "ordinal": entry.ordinal, "step": entry.step, "what": entry.what, "text": sentence(entry), "again": word, "why": why })
    });
    let changes: Vec<_> = changes.collect();
    json!({ "format": 1, "sound": records.problems.is_empty(), "problems": records.problems, "changes": changes })
}
