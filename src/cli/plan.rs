//! `fsched plan FILE`

use super::checksums::Files;
use super::failure::{Exit, Failure};
use super::input::{Input, show};
use super::lines::Form;
use crate::plan::Plan as Planned;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Show what a program would do, and what it would cost
#[derive(clap::Args, Debug)]
pub struct Plan {
    /// Program to plan
    file: PathBuf,
    #[command(flatten)]
    input: Input,
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
        let analysis = self.input.analyze(&self.file);
        let form = if self.format == PlanForm::Json && analysis.program.is_none() { Form::Json } else { Form::Human };
        show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
        let Some(program) = analysis.program else { return Ok(Exit::FileHasErrors) };
        let files = Files::read(&program, &self.input.places(&self.file), false)?;
        let plan = Planned::with_checksums(Arc::new(program), &analysis.sources, &files.checksums);
        match self.format {
            PlanForm::Human => write!(out, "{}", plan.listing(None))?,
            PlanForm::Json => writeln!(out, "{:#}", plan.to_json(None))?,
        }
        Ok(Exit::Done)
    }
}
