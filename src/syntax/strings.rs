//! Strings: what is wrong with how they are written, and what they say.

use super::foreign::Pass;
use super::prepare::Repair;
use super::report::Report;
use super::tokens::Token;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Reports a string that has no end on its line, and ends it where that was probably meant.
pub fn unterminated(pass: &mut Pass, token: Token) {
    let span = pass.span(token);
    let found = Diagnostic::new(Code::BAD_STRING, span, "this string has no end on its line");
    let found = found.help("a string ends with `\"`; a line end in it is written `\\n`");
    pass.report.push(found.maybe_fix("end it here", span.after(), "\""));
    // A backslash at the end would escape the quote.
    let text = token.text(pass.source);
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    let end = token.end as usize;
    pass.repairs.push(Repair { start: end - backslashes % 2, end, text: "\"".into() });
}

/// Reports a string in quotes of another kind.
pub fn other_quotes(pass: &mut Pass, token: Token) {
    let span = pass.span(token);
    let text = token.text(pass.source);
    let mut characters = text.chars();
    let (first, last) = (characters.next(), characters.next_back());
    let plain = requoted(characters.as_str());
    let (code, message) = match (first, last) {
        (Some('\''), Some('\'')) => (Code::FOREIGN_SYNTAX, "strings are written in double quotes".to_string()),
        _ => (Code::BAD_CHARACTER, "these are typographic quotes".to_string()),
    };
    let found = Diagnostic::new(code, span, message).help(format!("write `{plain}`"));
    pass.report.push(found.fix("write `\"`", span, plain.clone()));
    pass.repair(token, plain);
}

/// What stood between other quotes, between plain ones.
pub fn requoted(inner: &str) -> String {
    let mut text = String::from("\"");
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match (c, characters.clone().next()) {
            ('\\', Some(next @ ('\'' | '“' | '”' | '‘' | '’'))) => {
                text.push(next);
                characters.next();
            }
            ('\\', Some(next)) => {
                text.extend(['\\', next]);
                characters.next();
            }
            ('"', _) => text.push_str("\\\""),
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

/// What a string literal says. `literal` has its quotes; `span` gives the source's span of some bytes of it.
pub fn decode(literal: &str, span: impl Fn(usize, usize) -> Span, report: &Report) -> String {
    let mut rest = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    let mut text = String::with_capacity(rest.len());
    while let Some(plain) = rest.find('\\') {
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let length = match read_escape(rest) {
            Ok((c, length)) => {
                text.push(c);
                length
            }
            Err((message, length)) => {
                let at = literal.len() - 1 - rest.len();
                let place = span(at, at + length);
                let found = Diagnostic::new(Code::BAD_STRING, place, message);
                let found =
                    found.help("the escapes are `\\\"` `\\\\` `\\n` `\\t` and `\\u{e9}`; a backslash is `\\\\`");
                report.push(found.maybe_fix("write `\\\\`", Span { end: place.start + 1, ..place }, "\\\\"));
                length
            }
        };
        rest = &rest[length..];
    }
    text.push_str(rest);
    text
}

/// The character an escape stands for and its length in bytes, or what is wrong.
fn read_escape(escape: &str) -> Result<(char, usize), (String, usize)> {
    let Some(kind) = escape[1..].chars().next() else { return Err(("a lone `\\`".into(), 1)) };
    let simple = match kind {
        '"' | '\\' => kind,
        'n' => '\n',
        't' => '\t',
        'u' => return read_unicode(escape),
        _ => return Err((format!("there is no escape `\\{kind}`"), 1 + kind.len_utf8())),
    };
    Ok((simple, 2))
}

/// `\u{e9}`
fn read_unicode(escape: &str) -> Result<(char, usize), (String, usize)> {
    let rest = escape.strip_prefix("\\u{").unwrap_or_default();
    let closed = rest.bytes().take(8).position(|b| b == b'}');
    let Some(digits) = closed.map(|end| &rest[..end]) else {
        return Err(("`\\u` needs up to six digits in braces".into(), 2));
    };
    let length = digits.len() + 4;
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
    match number.and_then(char::from_u32) {
        Some(c) => Ok((c, length)),
        None => Err((format!("`\\u{{{digits}}}` is no character"), length)),
    }
}
