//! `# fsched: allow(FS1003, hidden-name)`: silences lints for a statement, or above the first one for the file.

use crate::diagnostic::{Code, Diagnostic, by_code_or_name};
use crate::source::{FileId, Sources, Span};
use crate::syntax::tree::File;

struct Allow {
    code: Code,
    span: Span,
    /// the line (from 1) it holds for; `None`: the whole file
    line: Option<usize>,
    used: bool,
}

/// Takes away what pragmas silence, and adds what is wrong with the pragmas.
pub(super) fn apply(file: &File, sources: &Sources, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let mut allows: Vec<Allow> = Vec::new();
    for comment in &file.comments {
        read(*comment, file, sources, &mut allows, &mut wrong);
    }
    let mut kept: Vec<Diagnostic> =
        diagnostics.into_iter().filter(|d| !silenced(d, sources, &mut allows, file.source)).collect();
    kept.extend(wrong);
    for allow in allows.iter().filter(|a| !a.used) {
        let message = format!("nothing here raises {} ({})", allow.code.id(), allow.code.name());
        kept.push(Diagnostic::new(Code::UNUSED_ALLOW, allow.span, message).help("leave this `allow` out"));
    }
    kept
}

fn silenced(d: &Diagnostic, sources: &Sources, allows: &mut [Allow], file: FileId) -> bool {
    if !d.code.is_lint() || d.primary.span.file != file {
        return false;
    }
    let line = sources.place(d.primary.span).line;
    let allow = allows.iter_mut().find(|a| a.code == d.code && a.line.is_none_or(|l| l == line));
    allow.map(|a| a.used = true).is_some()
}

fn read(comment: Span, file: &File, sources: &Sources, allows: &mut Vec<Allow>, wrong: &mut Vec<Diagnostic>) {
    let text = sources.text(comment);
    let Some(rest) = text.trim_start_matches('#').trim_start().strip_prefix("fsched:") else { return };
    let inner = rest.trim().strip_prefix("allow(").and_then(|r| r.strip_suffix(')'));
    let Some(inner) = inner else {
        let d = Diagnostic::new(Code::UNUSED_ALLOW, comment, "this comment looks like a pragma, but isn't one");
        wrong.push(d.help("write `# fsched: allow(FS1003, hidden-name)`"));
        return;
    };
    let line = holds_for(comment, file, sources);
    for name in inner.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        match by_code_or_name(name).filter(|c| c.code.is_lint()) {
            Some(info) => allows.push(Allow { code: info.code, span: comment, line, used: false }),
            None => {
                let d = Diagnostic::new(Code::UNUSED_ALLOW, comment, format!("there is no lint `{name}`"));
                wrong.push(d.help("lints have codes from FS1001 on; errors can't be silenced"));
            }
        }
    }
}

/// The line a pragma holds for: its own where a statement stands before it, else that of the next statement.
fn holds_for(comment: Span, file: &File, sources: &Sources) -> Option<usize> {
    if file.statements.first().is_none_or(|s| comment.end <= s.span.start) {
        return None;
    }
    let source = sources.get(comment.file);
    let line = source.lines.line(comment.start as usize);
    let before = &source.text[source.lines.start(line)..comment.start as usize];
    if !before.trim().is_empty() {
        return Some(line + 1);
    }
    let blank = |l: &usize| {
        let end = if l + 1 < source.lines.len() { source.lines.start(l + 1) } else { source.text.len() };
        let text = source.text[source.lines.start(*l)..end].trim();
        text.is_empty() || text.starts_with('#')
    };
    Some((line + 1..source.lines.len()).find(|l| !blank(l)).unwrap_or(line) + 1)
}
