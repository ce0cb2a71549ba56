//! `repeat N` at the end of several lines is easily overlooked.

use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

/// `first` is the first step that is repeated, `repeat` the statement at the end.
pub(in crate::language) fn check(cx: &mut Context<'_>, first: Span, repeat: Span) {
    if first.file != repeat.file || cx.sources.place(first).line == cx.sources.place(repeat).line {
        return;
    }
    let message = "over several lines, `repeat` at the end is easily overlooked";
    let d = Diagnostic::new(Code::TRAILING_REPEAT, repeat, message).label(first, "repeated from here");
    let header = cx.sources.text(repeat);
    let d = d.help(format!("write `{header} {{ … }}` around the steps"));
    let whole = first.to(repeat);
    let text = in_a_block(cx, first, repeat);
    cx.report(match top_level_alone(cx, whole) {
        true => d,
        false => d.fix("put the steps in a block", whole, text),
    });
}

/// Whether something stands there that may not stand in a block.
fn top_level_alone(cx: &Context<'_>, whole: Span) -> bool {
    let inside = |s: Span| s.file == whole.file && whole.start <= s.start && s.end <= whole.end;
    cx.imports.keys().any(|s| inside(*s)) || cx.scopes.phases().any(inside)
}

/// The steps in braces, indented by one level more.
fn in_a_block(cx: &Context<'_>, first: Span, repeat: Span) -> String {
    let source = cx.sources.get(first.file);
    let line = source.lines.start(source.lines.line(first.start as usize));
    let before = &source.text[line..first.start as usize];
    let indent = &before[..before.len() - before.trim_start().len()];
    let steps = source.text[first.start as usize..repeat.start as usize].trim_end().trim_end_matches(';');
    let end = if source.text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = format!("{} {{{end}", cx.sources.text(repeat));
    for (i, line) in steps.trim_end().lines().enumerate() {
        if i == 0 {
            text += indent;
        }
        if !line.trim().is_empty() {
            text = text + "  " + line.trim_end();
        }
        text += end;
    }
    text + indent + "}"
}
