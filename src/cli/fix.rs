//! `fsched fix FILE…`

use super::diff;
use super::failure::{Exit, Failure};
use super::input::{Input, each, show, tell};
use super::lines::Form;
use super::text;
use crate::diagnostic::{Applicability, Fix as Correction, has_errors};
use crate::language::fix::Fixed;
use crate::record::screen::{Ink, Screen, harmless};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Apply the fixes of diagnostics that are sure to be meant
#[derive(clap::Args, Debug)]
pub struct Fix {
    /// Programs to fix, in place; `-` reads one from stdin and writes it to stdout
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// Apply those too that are only likely to be meant
    #[arg(long = "unsafe")]
    unsafe_too: bool,
    /// Write nothing: show what would change
    #[arg(long)]
    diff: bool,
}

impl Fix {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let level = if self.unsafe_too { Applicability::Unsafe } else { Applicability::Safe };
        each(&self.files, |file| {
            let program = text::read(file)?;
            let file = Path::new(&program.name);
            let fixed = self.input.fix(file, &program.text, level);
            if self.diff {
                let screen = Screen::stdout();
                out.write_all(diff::unified(&program.name, &program.text, &fixed.text, screen).as_bytes())?;
            } else {
                match &program.path {
                    None => out.write_all(fixed.text.as_bytes())?,
                    Some(path) if fixed.text != program.text => text::replace(path, &fixed.text)?,
                    Some(_) => {}
                }
            }
            self.report(file, &fixed, out)?;
            let differs = self.diff && fixed.text != program.text;
            let wrong = has_errors(&fixed.analysis.diagnostics) || differs;
            Ok(if wrong { Exit::FileHasErrors } else { Exit::Done })
        })
    }

    /// What was fixed, then what is left.
    fn report(&self, file: &Path, fixed: &Fixed, out: &mut dyn Write) -> Result<(), Failure> {
        let screen = Screen::stderr();
        let name = harmless(&file.display().to_string());
        let done = if self.diff { "would fix" } else { "fixed" };
        for fix in &fixed.applied {
            let title = harmless(&fix.title).replace('\n', "⏎");
            let verb = screen.paint(Ink::Good, done);
            tell(&format!("{verb} {name}:{}: {title} [{} {}]\n", fix.line, fix.code.id(), fix.code.name()));
        }
        let left = &fixed.analysis.diagnostics;
        show(&fixed.analysis.sources, left, Form::Human, super::MAX_ERRORS, out)?;
        if fixed.applied.is_empty() {
            tell(&format!("nothing to fix in {name}\n"));
        }
        let is_unsafe = |f: &Correction| f.applicability == Applicability::Unsafe;
        let more = left.iter().filter(|d| d.fixes.iter().any(is_unsafe)).count();
        if more > 0 && !self.unsafe_too {
            let fixes = if more == 1 { "fix" } else { "fixes" };
            let shown = if self.diff { "" } else { "; `--diff` shows what would change" };
            tell(&format!("{more} more {fixes} with `--unsafe`{shown}\n"));
        }
        Ok(())
    }
}
