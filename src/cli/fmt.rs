//! `fsched fmt FILE…|-`

use super::diff;
use super::failure::{Exit, Failure};
use super::input::{each, show, tell};
use super::lines::Form;
use super::text::{self, Program};
use crate::diagnostic::Diagnostic;
use crate::language::format;
use crate::record::screen::Screen;
use crate::source::{Source, Sources};
use std::io::Write;
use std::path::PathBuf;

/// Bring programs into their canonical form
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER)]
pub struct Fmt {
    /// Programs to format, in place; `-` reads a program from stdin and writes it to stdout
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Write nothing: list the files that aren't in canonical form, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Write nothing: show what would change, and exit with 1 if anything would
    #[arg(long)]
    diff: bool,
}

const AFTER: &str = "\
Blanks, line ends and optional separators change, nothing else: every word, number, text and comment stays in its
order, and the program has the same plan. A file with syntax errors is left as it is, and its errors are shown.";

impl Fmt {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        each(&self.files, |file| {
            let program = text::read(file)?;
            let differs = match format(&program.text) {
                Ok(formatted) => self.formatted(&program, &formatted, out)?,
                Err(diagnostics) => {
                    refuse(program, &diagnostics, out)?;
                    true
                }
            };
            Ok(if differs { Exit::FileHasErrors } else { Exit::Done })
        })
    }

    /// Writes what was asked for; whether that is a difference that counts.
    fn formatted(&self, program: &Program, formatted: &str, out: &mut dyn Write) -> Result<bool, Failure> {
        let differs = program.text != formatted;
        if self.diff {
            out.write_all(diff::unified(&program.name, &program.text, formatted, Screen::stdout()).as_bytes())?;
        }
        if self.check && differs {
            writeln!(out, "{}", program.name)?;
        }
        if self.check || self.diff {
            return Ok(differs);
        }
        match &program.path {
            None => out.write_all(formatted.as_bytes())?,
            Some(_) if !differs => {}
            Some(path) => {
                text::replace(path, formatted)?;
                tell(&format!("formatted {}\n", program.name));
            }
        }
        Ok(false)
    }
}

fn refuse(program: Program, diagnostics: &[Diagnostic], out: &mut dyn Write) -> Result<(), Failure> {
    let mut sources = Sources::default();
    sources.add(Source::new(program.name, program.text));
    show(&sources, diagnostics, Form::Human, super::MAX_ERRORS, out)
}
