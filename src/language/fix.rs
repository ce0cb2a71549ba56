//! Fixes applied until none is left: behind `fsched fix`, and the editors' "fix all".

use super::{Analysis, Files, Options, analyze};
use crate::diagnostic::{Applicability, Code, Diagnostic, Fix, Severity, applicable, apply};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// How often a text is read again. Fixes uncover others two or three times; more is needed where there are more
/// mistakes than one analysis tells, and where blocks that were never closed are closed one by one, from the innermost:
/// they may be 128 deep.
const MAX_ROUNDS: usize = 300;

/// A text after fixing.
pub struct Fixed {
    pub text: String,
    /// What was fixed, in order.
    pub applied: Vec<Applied>,
    /// What is known of the text as it is now.
    pub analysis: Analysis,
}

/// A fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub code: Code,
    pub title: String,
    /// Line (from 1) at which the mistake stood, in the text of its round.
    pub line: usize,
}

/// Applies fixes to the root file at `path`, also unsafe ones if `level` says so. Files that it imports stay as they are.
/// The number of errors never rises: a fix, or a set of them, after which there would be more is left out.
pub fn fix(path: &Path, files: &dyn Files, options: &Options, level: Applicability) -> Fixed {
    let mut analysis = analyze(path, files, options);
    let mut text = root_text(&analysis).to_string();
    let mut applied = Vec::new();
    let mut seen = HashSet::from([text.clone()]);
    for _ in 0..MAX_ROUNDS {
        let fixes = applicable(&analysis.diagnostics, analysis.file.source, level);
        let attempt = Attempt { path, files, options, text: &text, errors: errors(&analysis), seen: &seen };
        let Some((taken, better)) = attempt.best(&fixes) else { break };
        applied.extend(taken.iter().map(|(d, f)| Applied {
            code: d.code,
            title: f.title.clone(),
            line: analysis.sources.place(d.primary.span).line,
        }));
        text = root_text(&better).to_string();
        seen.insert(text.clone());
        analysis = better;
    }
    Fixed { text, applied, analysis }
}

fn root_text(analysis: &Analysis) -> &str {
    &analysis.sources.get(analysis.file.source).text
}

fn errors(analysis: &Analysis) -> usize {
    analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
}

/// One round: a text, and what its successor must not be.
struct Attempt<'a> {
    path: &'a Path,
    files: &'a dyn Files,
    options: &'a Options,
    text: &'a str,
    errors: usize,
    seen: &'a HashSet<String>,
}

type Chosen<'d> = (&'d Diagnostic, &'d Fix);

impl Attempt<'_> {
    /// All the fixes, or the first part of them (halved again and again) after which there are no more errors than before.
    fn best<'c, 'd>(&self, fixes: &'c [Chosen<'d>]) -> Option<(&'c [Chosen<'d>], Analysis)> {
        if fixes.is_empty() {
            return None;
        }
        let text = apply(self.text, fixes.iter().map(|(_, f)| *f));
        if !self.seen.contains(&text) {
            let files = Overlay { path: self.path.to_path_buf(), text, below: self.files };
            let analysis = analyze(self.path, &files, self.options);
            if errors(&analysis) <= self.errors {
                return Some((fixes, analysis));
            }
        }
        if fixes.len() == 1 {
            return None;
        }
        let (first, second) = fixes.split_at(fixes.len() / 2);
        self.best(first).or_else(|| self.best(second))
    }
}

/// Files of which one has another text than it has on the disk.
pub struct Overlay<'f> {
    pub path: PathBuf,
    pub text: String,
    pub below: &'f dyn Files,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.clone().into_bytes()) } else { self.below.read(path) }
    }
}
