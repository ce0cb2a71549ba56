//! Characters that mean nothing outside strings and comments.

use super::foreign::Pass;
use super::tokens::TokenKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Look-alikes, and what is meant by them.
const LOOK_ALIKES: [(char, &str); 22] = [
    ('–', "-"),
    ('—', "-"),
    ('−', "-"),
    ('‐', "-"),
    ('×', "*"),
    ('·', "*"),
    ('÷', "/"),
    ('∕', "/"),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "!="),
    ('…', ".."),
    ('∪', "+"),
    ('∩', "&"),
    ('，', ","),
    ('：', ":"),
    ('；', ";"),
    ('＝', "="),
    ('％', "%"),
    ('＋', "+"),
    ('“', "\""),
    ('”', "\""),
];

/// Reports the run of bad characters that starts with token `i`, unless it was reported with the one before.
pub fn bad(pass: &mut Pass, i: usize) {
    let token = pass.tokens[i];
    let text = pass.text(i).to_string();
    let Some(c) = text.chars().next() else { return };
    let meant = LOOK_ALIKES.iter().find(|(l, m)| *l == c && *m != "\"").map(|(_, m)| *m);
    let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let blank = match c {
        _ if invisible => "",
        '\r' => "\n",
        _ => " ",
    };
    pass.repair(token, meant.unwrap_or(blank));
    if i > 0 && pass.tokens[i - 1].kind == TokenKind::Bad && pass.touches_next(i - 1) {
        return;
    }
    let mut last = i;
    while pass.touches_next(last) && pass.tokens[last + 1].kind == TokenKind::Bad {
        last += 1;
    }
    if meant.is_none() && !invisible && !c.is_whitespace() {
        pass.guesses.push(token.start as usize);
    }
    let span = pass.span(token).to(pass.span(pass.tokens[last]));
    pass.report.push(describe(c, span, meant, invisible, last == i));
}

fn describe(c: char, span: Span, meant: Option<&str>, invisible: bool, alone: bool) -> Diagnostic {
    let of = |message: String| Diagnostic::new(Code::BAD_CHARACTER, span, message);
    if let Some(meant) = meant {
        let found = of(format!("`{c}` is not `{meant}`")).help(format!("write `{meant}`"));
        return if alone { found.fix(format!("write `{meant}`"), span, meant) } else { found };
    }
    let number = c as u32;
    match c {
        '\0' => of("a NUL character".into()).help("remove it; if this isn't a text file, name another"),
        '\r' => of("a carriage return without a newline".into()).fix("end the line with a newline", span, "\n"),
        _ if invisible => {
            of(format!("an invisible character (U+{number:04X})")).help("remove it").fix("remove it", span, "")
        }
        _ if c.is_whitespace() && !c.is_control() => of(format!("an unusual blank (U+{number:04X})"))
            .help("write an ordinary one")
            .fix("write a blank", span, " "),
        _ if c.is_control() => of(format!("a control character (U+{number:04X})")).help("remove it"),
        '\'' | '"' | '“' | '”' | '„' | '‘' | '’' | '«' => {
            of(format!("`{c}` does not start a string here")).help("a string is written in double quotes: `\"name\"`")
        }
        '\\' => of("`\\` means nothing outside strings".into())
            .help("a statement goes on behind a line end after `,` or an operator, and inside brackets"),
        _ => of(format!("`{c}` means nothing here")).help("remove it, or put it in a string or a comment"),
    }
}
