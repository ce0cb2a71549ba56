//! Number literals. The grammar takes them greedily, so that what is wrong with one can be said here.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::ExprKind;

/// What a literal turned out to be.
pub enum Number {
    Int(i64),
    Real(f64),
    /// `40epochs`: the number is fine, the unit touches it, from a byte of the literal on.
    Glued {
        number: ExprKind,
        unit: usize,
    },
    Bad,
}

/// Units that may be glued to a number by habit, and what they are called here.
const UNITS: [(&str, &str); 17] = [
    ("epoch", "epoch"),
    ("epochs", "epochs"),
    ("ep", "epochs"),
    ("eps", "epochs"),
    ("step", "step"),
    ("steps", "steps"),
    ("it", "steps"),
    ("iters", "steps"),
    ("ba", "steps"),
    ("s", "s"),
    ("sec", "s"),
    ("min", "min"),
    ("mins", "min"),
    ("m", "min"),
    ("h", "h"),
    ("hr", "h"),
    ("hours", "h"),
];

/// Units that are sure to be meant when they touch a number.
const SURE: [&str; 7] = ["epoch", "epochs", "step", "steps", "s", "min", "h"];

/// Reads a literal such as `1_000` or `3e-4`; `span` is its place.
pub fn read(literal: &str, span: Span) -> (Number, Option<Diagnostic>) {
    let digits = &literal[..plain_length(literal)];
    let suffix = &literal[digits.len()..];
    let bad = |message: String| Diagnostic::new(Code::BAD_NUMBER, span, message);
    if !suffix.is_empty() {
        return glued(literal, digits, suffix, span);
    }
    if literal.ends_with('.') {
        let text = literal.trim_end_matches('.');
        let found = bad(format!("`{literal}` has no digit behind its point")).help(format!("write `{text}`"));
        return (Number::Bad, Some(found.fix(format!("write `{text}`"), span, text)));
    }
    if !digits_are_grouped(digits) {
        let found = bad(format!("`{literal}` has a misplaced `_`"));
        return (Number::Bad, Some(found.help("`_` may only stand between digits, as in `1_000`")));
    }
    match value(digits) {
        Some(ExprKind::Int(n)) => (Number::Int(n), None),
        Some(ExprKind::Real(x)) => (Number::Real(x), None),
        _ if digits.contains(['.', 'e', 'E']) => {
            (Number::Bad, Some(bad(format!("`{literal}` is too large")).help("numbers go up to about 1.8e308")))
        }
        _ => {
            let found = bad(format!("`{literal}` is too large for a whole number"));
            (Number::Bad, Some(found.help(format!("whole numbers go up to {}", i64::MAX))))
        }
    }
}

/// The value of well-formed digits, if there is one that fits.
fn value(digits: &str) -> Option<ExprKind> {
    let plain = digits.replace('_', "");
    if plain.contains(['.', 'e', 'E']) {
        plain.parse().ok().filter(|x: &f64| x.is_finite()).map(ExprKind::Real)
    } else {
        plain.parse().ok().map(ExprKind::Int)
    }
}

/// Length of the longest beginning that is a number: digits, one point, an exponent.
fn plain_length(literal: &str) -> usize {
    let bytes = literal.as_bytes();
    let digits = |mut i: usize| {
        while matches!(bytes.get(i), Some(b'0'..=b'9' | b'_')) {
            i += 1;
        }
        i
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

/// Whether every `_` stands between two digits.
fn digits_are_grouped(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let mut places = (0..bytes.len()).filter(|i| bytes[*i] == b'_');
    places.all(|i| digit(i.checked_sub(1)) && digit(Some(i + 1)))
}

/// A number with something behind it that doesn't belong to it.
fn glued(literal: &str, digits: &str, suffix: &str, span: Span) -> (Number, Option<Diagnostic>) {
    let bad = |message: String| Diagnostic::new(Code::BAD_NUMBER, span, message);
    let number_end = digits.trim_end_matches('_').len();
    let is_word = suffix.chars().all(|c| c.is_alphabetic());
    let is_word = is_word && !["e", "E"].contains(&suffix);
    let number =
        value(digits).filter(|_| is_word && number_end > 0 && digits_are_grouped(digits.trim_end_matches('_')));
    let Some(number) = number else { return (Number::Bad, Some(unreadable(literal, bad))) };
    let digits = &digits[..number_end];
    let thousands = [("k", 1_000), ("K", 1_000), ("M", 1_000_000)];
    if let Some((_, factor)) = thousands.iter().find(|(s, _)| *s == suffix) {
        let found = bad(format!("`{literal}` is no number: there are no suffixes for thousands"));
        let product = if let ExprKind::Int(n) = number { n.checked_mul(*factor) } else { None };
        let Some(product) = product else { return (Number::Bad, Some(found.help("write the number out"))) };
        let title = format!("write `{product}`");
        return (Number::Bad, Some(found.help(&title).maybe_fix(&title, span, product.to_string())));
    }
    let known = UNITS.iter().find(|(u, _)| *u == suffix).map(|(_, known)| *known);
    let text = format!("{digits} {}", known.unwrap_or(suffix));
    let sure = SURE.contains(&suffix);
    let found = bad(match known {
        Some(_) => "a unit stands apart from its number".to_string(),
        None => format!("`{literal}` is no number"),
    });
    let title = format!("write `{text}`");
    let found = found.help(format!("write `{text}`"));
    let found = if sure { found.fix(title, span, text) } else { found.maybe_fix(title, span, text) };
    if !sure {
        return (Number::Bad, Some(found));
    }
    (Number::Glued { number, unit: literal.len() - suffix.len() }, Some(found))
}

fn unreadable(literal: &str, bad: impl Fn(String) -> Diagnostic) -> Diagnostic {
    let lower = literal.to_lowercase();
    let points = literal.matches('.').count();
    if lower.starts_with("0x") || lower.starts_with("0b") || lower.starts_with("0o") {
        bad(format!("`{literal}` is no number here")).help("numbers are written in tens: `16`, not `0x10`")
    } else if points > 1 {
        bad(format!("`{literal}` has {points} points"))
            .help("a number has one at most, as in `0.34`; a range is written `0..3`")
    } else if lower.ends_with('e') {
        bad(format!("`{literal}` has no digits behind its `e`")).help("an exponent looks like `3e-4`")
    } else {
        bad(format!("`{literal}` is no number")).help("numbers look like `40`, `1_000`, `.5`, `3e-4` or `30%`")
    }
}
