//! Leaves out what is only wrong because of something told already: each mistake should be told once.

use super::tokens::{Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};

/// The diagnostics that stand on their own, of all, sorted by place. `blocks_missing` holds the places at which a
/// header lacked its block.
pub fn remove(found: Vec<Diagnostic>, blocks_missing: Vec<u32>, source: &str, tokens: &[Token]) -> Vec<Diagnostic> {
    let mut excused = excused_closers(&found, blocks_missing, source);
    let unopened = unopened(&found, source);
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(found.len());
    let mut rest = found.into_iter().peekable();
    // The line that the last mistake's line asks for, which is no statement by itself.
    let mut odd_line = None;
    while let Some(diagnostic) = rest.next() {
        let start = diagnostic.primary.span.start;
        if excused.first() == Some(&start) {
            excused.remove(0);
            continue;
        }
        if unopened.iter().any(|(from, to)| (*from..*to).contains(&start)) {
            continue;
        }
        let here = Stretches::of(start, source, tokens);
        if begins_oddly(&diagnostic) && odd_line == Some(here.line) {
            odd_line = here.goes_on(source, tokens);
            continue;
        }
        odd_line = here.goes_on(source, tokens);
        let caused = follows(&diagnostic)
            && (kept
                .iter()
                .rev()
                .take_while(|k| k.primary.span.start >= here.line)
                .any(|k| here.causes(k, &diagnostic))
                || rest.peek().is_some_and(|next| here.lacks_opener(next, source)));
        if !caused {
            kept.push(diagnostic);
        }
    }
    kept
}

/// Whether it may be the consequence of another: something else was expected, or spacing looks odd.
fn follows(diagnostic: &Diagnostic) -> bool {
    [Code::SYNTAX, Code::AMBIGUOUS_OPERATOR].contains(&diagnostic.code)
}

/// Whether it says that something doesn't begin like a statement.
fn begins_oddly(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == Code::SYNTAX && diagnostic.message.starts_with("expected a statement")
}

/// From what seems to lack a round or square opener to the stray closer that says so: between them lie its lines.
fn unopened(found: &[Diagnostic], source: &str) -> Vec<(u32, u32)> {
    let strays = found.iter().filter(|d| d.code == Code::STRAY_CLOSER);
    let inner = strays.filter(|d| source[d.primary.span.range()].starts_with([')', ']']));
    inner.filter_map(|d| Some((d.labels.first()?.span.end, d.primary.span.start))).collect()
}

/// Places of `}` that close nothing because a block before them was never opened, which has been told.
fn excused_closers(found: &[Diagnostic], mut blocks_missing: Vec<u32>, source: &str) -> Vec<u32> {
    blocks_missing.sort_unstable();
    let is_brace = |d: &&Diagnostic| d.code == Code::STRAY_CLOSER && source[d.primary.span.range()].starts_with('}');
    let mut open = 0;
    let mut blocks = blocks_missing.into_iter().peekable();
    let mut excused = Vec::new();
    for closer in found.iter().filter(is_brace).map(|d| d.primary.span.start) {
        while blocks.next_if(|b| *b < closer).is_some() {
            open += 1;
        }
        if open > 0 {
            open -= 1;
            excused.push(closer);
        }
    }
    excused
}

/// The line and the statement's part of it on which a place lies.
struct Stretches {
    line: u32,
    line_end: u32,
    part: u32,
}

impl Stretches {
    fn of(at: u32, source: &str, tokens: &[Token]) -> Stretches {
        let here = tokens.partition_point(|t| t.start < at);
        let newline = |t: &&Token| t.kind == TokenKind::Newline;
        let line = tokens[..here].iter().rev().find(newline).map_or(0, |t| t.end);
        let line_end = tokens[here..].iter().find(newline).map_or(source.len() as u32, |t| t.start);
        let separator = |t: &&Token| newline(t) || [";", "{", "}"].contains(&t.text(source));
        let part = tokens[..here].iter().rev().find(separator).map_or(0, |t| t.end);
        Stretches { line, line_end, part }
    }

    /// Where the next line begins, if this one ends with what asks for more, or that one begins with an operator.
    fn goes_on(&self, source: &str, tokens: &[Token]) -> Option<u32> {
        let end = tokens.partition_point(|t| t.start < self.line_end);
        let last = tokens[..end].iter().rev().find(|t| t.is_code())?;
        let first = tokens[end..].iter().find(|t| t.is_code())?;
        let asks = |t: &Token| t.kind == TokenKind::Symbol && ![";", "%"].contains(&t.text(source));
        let newline = tokens.get(end).filter(|t| t.kind == TokenKind::Newline)?;
        (asks(last) || asks(first)).then_some(newline.end)
    }

    /// Whether `earlier`, on the same line, is why `later` was found here.
    fn causes(&self, earlier: &Diagnostic, later: &Diagnostic) -> bool {
        let same_part = earlier.primary.span.start >= self.part;
        let separator = later.message.starts_with("expected a new line");
        match earlier.code {
            Code::UNCLOSED | Code::STRAY_CLOSER => true,
            Code::SYNTAX | Code::BAD_STRING | Code::BAD_CHARACTER | Code::MISPLACED_BLOCK => same_part || separator,
            _ => false,
        }
    }

    /// Whether `next`, on the same line, is a closer whose opener is missing, so that what stands between looks odd.
    fn lacks_opener(&self, next: &Diagnostic, source: &str) -> bool {
        let span = next.primary.span;
        next.code == Code::STRAY_CLOSER && span.start < self.line_end && !source[span.range()].starts_with('}')
    }
}
