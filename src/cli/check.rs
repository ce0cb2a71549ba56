//! `fsched check FILE…`

use super::failure::{Exit, Failure};
use super::input::{Input, show, tell};
use super::lines::Form;
use super::sarif;
use crate::diagnostic::{Diagnostic, Severity, has_errors};
use std::io::Write;
use std::path::PathBuf;

/// Look for mistakes without running anything
#[derive(clap::Args, Debug)]
pub struct Check {
    /// Programs to check
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// How diagnostics are written
    #[arg(long, value_enum, default_value = "human")]
    format: Form,
    /// Make these warnings errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Show so many diagnostics of a file to people
    #[arg(long, value_name = "N", default_value_t = super::MAX_ERRORS)]
    max_errors: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Lints,
}

impl Check {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        let mut checked = Vec::new();
        for file in &self.files {
            let analysis = self.input.analyze(file);
            let diagnostics: Vec<Diagnostic> = analysis.diagnostics.into_iter().map(|d| self.judged(d)).collect();
            let errors = has_errors(&diagnostics);
            if self.format == Form::Sarif {
                // One log for all files.
                checked.push((analysis.sources, diagnostics));
            } else {
                show(&analysis.sources, &diagnostics, self.format, self.max_errors, out)?;
            }
            if errors {
                exit = Exit::FileHasErrors;
            } else if self.format == Form::Human {
                tell(&format!("{} can be run\n", file.display()));
            }
        }
        if self.format == Form::Sarif {
            out.write_all(sarif::log(&checked).as_bytes())?;
        }
        Ok(exit)
    }

    fn judged(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if self.deny == Some(Deny::Lints) && diagnostic.severity == Severity::Warning && diagnostic.code.is_lint() {
            diagnostic.severity = Severity::Error;
        }
        diagnostic
    }
}
