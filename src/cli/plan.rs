//! `fsched plan FILE`

use super::checksums::Files;
use super::failure::{Exit, Failure};
use super::input::{Input, show};
use super::lines::Form;
use super::machine::Machine;
use crate::plan::{Change, Plan as Planned, Profile, diff};
use crate::reading::json::Kind;
use crate::reading::{self, limits};
use crate::runtime::calibrate;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show what a program would do, and what it would cost
#[derive(clap::Args, Debug)]
pub struct Plan {
    /// Program to plan
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    machine: Machine,
    /// Show what differs from another program, run folder or plan.json instead
    #[arg(long, value_name = "OTHER")]
    diff: Option<PathBuf>,
    /// How the plan is written
    #[arg(long, value_enum, default_value = "human")]
    format: PlanForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PlanForm {
    /// a table of steps, with totals
    Human,
    /// one object
    Json,
}

impl Plan {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let Some(plan) = self.plan(&self.file, &self.input, out)? else { return Ok(Exit::FileHasErrors) };
        if let Some(other) = &self.diff {
            let Some(old) = self.other(other, out)? else { return Ok(Exit::FileHasErrors) };
            self.differences(&diff(&old, &plan.to_record()), out)?;
            return Ok(Exit::Done);
        }
        let profile = self.calibrate(&plan)?;
        match self.format {
            PlanForm::Human => writeln!(out, "{}", plan.listing(Some(&profile)).trim_end())?,
            PlanForm::Json => writeln!(out, "{:#}", plan.to_json(Some(&profile)))?,
        }
        Ok(Exit::Done)
    }

    /// The plan of a program; `None` where it has errors, which have then been shown.
    fn plan(&self, file: &Path, input: &Input, out: &mut dyn Write) -> Result<Option<Planned>, Failure> {
        let analysis = input.analyze(file);
        // Warnings are for people: the plan alone is what programs read.
        let form = if self.format == PlanForm::Json && analysis.program.is_none() { Form::Json } else { Form::Human };
        show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
        let Some(program) = analysis.program else { return Ok(None) };
        let files = Files::read(&program, &input.places(file), false)?;
        Ok(Some(Planned::with_checksums(Arc::new(program), &analysis.sources, &files.checksums)))
    }

    /// The plan to compare with: of a program as it stands, without this one's `--set`, or one that was written down.
    fn other(&self, path: &Path, out: &mut dyn Write) -> Result<Option<serde_json::Value>, Failure> {
        if path.extension().is_some_and(|e| e == "fsched") {
            return Ok(self.plan(path, &self.input.without_sets(), out)?.map(|plan| plan.to_record()));
        }
        let path = if path.is_dir() { path.join("plan.json") } else { path.to_path_buf() };
        let shown = path.display();
        let text = reading::whole(&path, limits::RECORD_BYTES).map_err(|e| Failure::usage(e.to_string()))?;
        let plan: serde_json::Value = reading::json::parse(&text, Kind::Any).unwrap_or_default();
        if plan["trials"].is_array() {
            return Ok(Some(plan));
        }
        let help = "name an .fsched file, a run folder, or a plan that `fsched plan --format json` wrote";
        Err(Failure::usage(format!("`{shown}` is not a plan")).help(help))
    }

    fn differences(&self, changes: &[Change], out: &mut dyn Write) -> Result<(), Failure> {
        match self.format {
            PlanForm::Json => {
                let change = |c: &Change| json!({ "steps": c.steps, "kind": c.kind, "what": c.what, "line": c.line });
                let changes: Vec<_> = changes.iter().map(change).collect();
                writeln!(out, "{}", json!({ "format": 1, "changes": changes }))?;
            }
            PlanForm::Human if changes.is_empty() => writeln!(out, "the plans are the same")?,
            PlanForm::Human => changes.iter().try_for_each(|change| writeln!(out, "{change}"))?,
        }
        Ok(())
    }

    fn calibrate(&self, plan: &Planned) -> Result<Profile, Failure> {
        let (device, _) = self.machine.device(&plan.program)?;
        let profile = calibrate(&plan.program, &device, self.machine.threads(&plan.program));
        profile.map_err(|e| Failure::new(Exit::RunFailed, e.message).code(e.code))
    }
}
