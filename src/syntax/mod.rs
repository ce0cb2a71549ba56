//! Text → [`tree::File`]. The only place that knows pest.
//!
//! A text goes through two readers. `prepare` finds what is wrong below the level of the grammar (characters, strings,
//! brackets, habits from other languages) and repairs it in a copy; the grammar reads the copy, and its error productions
//! take what is left; `build` makes the tree and reports those.

pub mod format;
pub mod tree;

mod brackets;
mod build;
mod cascades;
mod characters;
mod describe;
mod digits;
mod dump;
mod foreign;
mod imports;
mod numbers;
mod parts;
mod prepare;
#[cfg(test)]
mod properties;
mod report;
mod strings;
#[cfg(test)]
mod tests;
pub mod tokens;

pub use describe::RESERVED;
pub use imports::import_paths;

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};
use build::Builder;
use prepare::{Part, Prepared, prepare};
use report::Report;

/// Texts above this size are refused.
pub const MAX_BYTES: usize = 4 << 20;

/// Calls of grammar rules that pest may spend on a byte. Programs need 15, the worst text we know 80, so this only
/// stops a grammar that has gone wrong. pest's limit is one number for the process, so it is sized for the largest text.
const CALLS_PER_BYTE: usize = 200;

/// Large texts are read in parts of about so many bytes: side by side, and because pest keeps two tokens of 40 bytes for
/// each rule that matched until all of a text is read, more than a hundred bytes for each byte.
const PART_BYTES: usize = 4 << 10;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/fsched.pest"]
struct Grammar;

/// Reads a program. Total: whatever the text, there is a tree (with `Error` nodes for what could not be read), and the
/// diagnostics, sorted by place, say what is wrong.
pub fn parse(file: FileId, text: &str) -> (tree::File, Vec<Diagnostic>) {
    parse_in_parts(file, text, PART_BYTES)
}

/// The same, in parts of at least so many bytes.
fn parse_in_parts(file: FileId, text: &str, part_bytes: usize) -> (tree::File, Vec<Diagnostic>) {
    let empty = tree::File { source: file, statements: Vec::new(), comments: Vec::new() };
    read(file, text, empty, |prepared, report| {
        let parts = parts::split(&prepared.text, &prepared.text_tokens(), part_bytes);
        let mut parts = parts::map(&parts, |range| {
            let (mut statements, report) = (Vec::new(), Report::default());
            build(prepared.part(range), Rule::file, &report, |builder, pair| {
                builder.read_statements(pair.into_inner(), &mut statements);
            });
            (statements, report)
        });
        let count = parts.iter().map(|(statements, _)| statements.len()).sum();
        let mut statements = Vec::with_capacity(count);
        for (read, found) in &mut parts {
            statements.append(read);
            report.append(std::mem::take(found));
        }
        let builder = Builder::new(prepared.part(0..prepared.text.len()), report);
        tree::File { source: file, statements: builder.adopted(statements), comments: prepared.comments() }
    })
}

/// Reads one expression, such as the text of `--set share=30%`. Total, as [`parse`] is.
pub fn parse_expression(file: FileId, text: &str) -> (tree::Expr, Vec<Diagnostic>) {
    let whole = Span::new(file, 0, text.len().min(u32::MAX as usize));
    let error = tree::Expr { kind: tree::ExprKind::Error, span: whole };
    read(file, text, error.clone(), |prepared, report| {
        let mut value = error;
        build(prepared.part(0..prepared.text.len()), Rule::expression, report, |builder, pair| {
            value = builder.lone_expression(pair, whole);
        });
        value
    })
}

/// What `make` makes of a text once it is prepared.
fn read<T>(file: FileId, text: &str, nothing: T, make: impl FnOnce(&Prepared, &Report) -> T) -> (T, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        return (nothing, vec![too_large(file, text)]);
    }
    limit_calls();
    let report = Report::default();
    match prepare(file, text, &report) {
        Ok(prepared) => {
            let made = make(&prepared, &report);
            (made, report.finish(text, &prepared.tokens))
        }
        Err(deep) => (nothing, vec![too_deep(file, deep.at)]),
    }
}

/// Hands the pairs of a part to `build`.
fn build(part: Part, rule: Rule, report: &Report, build: impl FnOnce(&Builder, pest::iterators::Pair<Rule>)) {
    match Grammar::parse(rule, part.text) {
        Ok(mut pairs) => {
            let builder = Builder::new(part, report);
            if let Some(pair) = pairs.next() {
                build(&builder, pair);
            }
            builder.report_unclosed();
        }
        Err(error) => report.push(unreadable(part, &error)),
    }
}

fn limit_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| pest::set_call_limit(NonZeroUsize::new(MAX_BYTES * CALLS_PER_BYTE)));
}

fn too_large(file: FileId, text: &str) -> Diagnostic {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let size = text.len() as f64 / f64::from(1 << 20);
    let message = format!("this text has {size:.1} MiB; a program may have {} MiB", MAX_BYTES >> 20);
    Diagnostic::new(Code::FILE_TOO_LARGE, Span::new(file, 0, first), message)
        .help("name an .fsched file; data files are named in `data` statements")
}

fn too_deep(file: FileId, at: usize) -> Diagnostic {
    let message = format!("brackets are nested more than {} deep", brackets::MAX_DEPTH);
    Diagnostic::new(Code::TOO_DEEP, Span::new(file, at, at + 1), message)
        .help("bind inner parts to names with `let`, or move inner blocks into a `phase`")
}

/// The grammar matches every prepared text, so this is the call limit or a defect of the grammar.
fn unreadable(part: Part, error: &pest::error::Error<Rule>) -> Diagnostic {
    let offset = match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    };
    let place = part.token_at(part.start(offset)).or_else(|| part.token_before(part.source.len()));
    let span = place.map_or(Span::new(part.file, 0, 0), |t| part.token_span(t));
    Diagnostic::new(Code::SYNTAX, span, "this text cannot be read from here on")
        .help("simplify the statement at this place")
}

#[cfg(test)]
mod unread_tests {
    use super::*;

    #[test]
    fn a_text_that_the_grammar_gives_up_on_is_one_error_at_its_place() {
        let file = FileId(0);
        let report = Report::default();
        let prepared = prepare(file, "train 10 )", &report).unwrap_or_else(|_| panic!("not deep"));
        let error = Grammar::parse(Rule::block, &prepared.text).expect_err("this is no block");
        let found = unreadable(prepared.part(0..prepared.text.len()), &error);
        assert_eq!((found.code, found.primary.span), (Code::SYNTAX, Span::new(file, 0, 5)));
    }
}
