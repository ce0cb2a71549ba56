//! What is said of a mutant, and whether it is good.

use super::mutants::{Mistake, Mutant};
use fsched::diagnostic::{Diagnostic, Severity};
use fsched::language::{Analysis, Disk, Files, Options, analyze};
use fsched::plan::{Plan, diff};
use serde_json::Value as Json;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The program that mutants are made of.
pub struct Judge {
    path: PathBuf,
    pub text: String,
    plan: Json,
}

/// What was said of a mutant.
pub struct Verdict {
    pub mutant: Mutant,
    program: String,
    line: usize,
    /// the text of the line with the mistake
    shown: String,
    /// line and message
    pub errors: Vec<(usize, String)>,
    /// an error stands on the line of the mistake or a neighbour
    pub near: bool,
    /// the word that was meant is in a help or fix
    pub suggested: bool,
    pub panicked: bool,
    /// what its plan differs in, where it is a program
    changes: Vec<String>,
}

/// The disk, but for one text.
struct Edited<'e> {
    disk: Disk,
    path: &'e Path,
    text: &'e str,
}

impl Files for Edited<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.as_bytes().to_vec()) } else { self.disk.read(path) }
    }
}

impl Judge {
    pub fn new(path: &Path) -> Judge {
        let text = std::fs::read_to_string(path).unwrap();
        let analysis = analyzed(path, &text);
        let plan = record(analysis).expect("programs of the corpus have no errors");
        Judge { path: path.to_path_buf(), text, plan }
    }

    pub fn judge(&self, mutant: Mutant) -> Verdict {
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let analysis = analyzed(&self.path, &mutant.text);
            let errors: Vec<Diagnostic> =
                analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
            let lines = errors.iter().map(|d| analysis.sources.place(d.primary.span).line).collect::<Vec<_>>();
            let changes = if errors.is_empty() { self.changes(analysis) } else { Vec::new() };
            (errors, lines, changes)
        }));
        let panicked = answer.is_err();
        let (errors, lines, changes) = answer.unwrap_or_default();
        let line_of = |byte: usize| mutant.text[..byte].matches('\n').count() + 1;
        let (first, last) = (line_of(mutant.changed.start), line_of(mutant.changed.end));
        Verdict {
            program: self.path.file_stem().unwrap().to_string_lossy().into_owned(),
            line: first,
            shown: mutant.text.lines().nth(first - 1).unwrap_or_default().trim().to_string(),
            near: lines.iter().any(|line| (first.saturating_sub(1)..=last + 1).contains(line)),
            suggested: errors.iter().any(|d| suggests(d, &mutant.token)),
            errors: lines.into_iter().zip(errors.into_iter().map(said)).collect(),
            panicked,
            changes,
            mutant,
        }
    }

    fn changes(&self, analysis: Analysis) -> Vec<String> {
        let plan = record(analysis).expect("what has no errors is a program");
        diff(&self.plan, &plan).into_iter().map(|change| change.what).collect()
    }
}

fn analyzed(path: &Path, text: &str) -> Analysis {
    let folder = path.parent().unwrap();
    let mut options = Options::default();
    options.places.program = folder.to_path_buf();
    analyze(path, &Edited { disk: Disk { root: Some(folder.to_path_buf()) }, path, text }, &options)
}

fn record(analysis: Analysis) -> Option<Json> {
    Some(Plan::new(Arc::new(analysis.program?), &analysis.sources).to_record())
}

/// Whether help or a fix names the word.
fn suggests(diagnostic: &Diagnostic, word: &str) -> bool {
    let fixes = diagnostic.fixes.iter().flat_map(|f| &f.edits).map(|e| e.text.as_str());
    let texts = fixes.chain(diagnostic.help.as_deref());
    texts.flat_map(|t| t.split(|c: char| !(c.is_alphanumeric() || c == '_'))).any(|w| w == word)
}

fn said(diagnostic: Diagnostic) -> String {
    let help = diagnostic.help.map_or(String::new(), |help| format!(" ({help})"));
    format!("{} {}{help}", diagnostic.code.id(), diagnostic.message)
}

impl Verdict {
    pub fn refused(&self) -> bool {
        !self.errors.is_empty()
    }

    pub fn is_misspelt(&self) -> bool {
        self.mutant.mistake == Mistake::Misspell
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { mutant, program, line, shown, .. } = self;
        write!(f, "{program}:{line}: {} {} `{}`: {shown}", mutant.mistake, mutant.kind, mutant.token)?;
        if self.panicked {
            return write!(f, "\n    PANIC");
        }
        for (line, message) in self.errors.iter().take(6) {
            write!(f, "\n    {line}: {message}")?;
        }
        match self.changes.split_at(self.changes.len().min(4)) {
            _ if self.refused() => Ok(()),
            ([], _) => write!(f, "\n    the same plan"),
            (shown, []) => write!(f, "\n    {}", shown.join("; ")),
            (shown, more) => write!(f, "\n    {}; {} more", shown.join("; "), more.len()),
        }
    }
}
