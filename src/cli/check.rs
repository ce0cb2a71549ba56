//! `fsched check FILE…`

use super::failure::{Exit, Failure};
use super::input::{Input, each, show, tell};
use super::lines::Form;
use super::{sarif, text};
use crate::diagnostic::has_errors;
use crate::record::screen::harmless;
use std::io::Write;
use std::path::PathBuf;

/// Look for mistakes without running anything
#[derive(clap::Args, Debug)]
pub struct Check {
    /// Programs to check; `-` is stdin
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// How diagnostics are written
    #[arg(long, value_enum, default_value = "human")]
    format: Form,
    /// Show so many diagnostics of a file to people
    #[arg(long, value_name = "N", default_value_t = super::MAX_ERRORS)]
    max_errors: usize,
}

impl Check {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let mut checked = Vec::new();
        let exit = each(&self.files, |file| {
            let analysis = match file.to_str() {
                Some("-") => self.input.analyze_text(&text::read(file)?),
                _ => self.input.analyze(file),
            };
            let name = &analysis.sources.get(analysis.file.source).name;
            let verdict = match &analysis.program {
                Some(program) if program.body.is_empty() => {
                    format!("{name} has no steps, so running it does nothing\n")
                }
                _ => format!("{name} can be run\n"),
            };
            let errors = has_errors(&analysis.diagnostics);
            if self.format == Form::Sarif {
                // One log for all files.
                checked.push((analysis.sources, analysis.diagnostics));
            } else {
                show(&analysis.sources, &analysis.diagnostics, self.format, self.max_errors, out)?;
                if self.files.len() == 1 {
                    // The process ends now, and taking a large program apart piece by piece takes longer.
                    std::mem::forget(analysis);
                }
            }
            if !errors && self.format == Form::Human {
                tell(&harmless(&verdict));
            }
            Ok(if errors { Exit::FileHasErrors } else { Exit::Done })
        })?;
        if self.format == Form::Sarif {
            out.write_all(sarif::log(&checked).as_bytes())?;
        }
        Ok(exit)
    }
}
