//! Numbers whose digits something foreign parts: a decimal comma, the commas of thousands, blanks behind the point.

use super::foreign::Pass;
use super::prepare::Repair;
use super::tokens::TokenKind;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;

/// Where a number with commas stands; what it may mean depends on it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// outside of brackets, first behind a word: `train 1,000 steps`
    Plain,
    /// outside of brackets, elsewhere: `let n = 1,000`
    Outside,
    /// in brackets, with a name: `sgd(lr: 0,1)`
    Named,
    /// all that stands in brackets but for what has a name: `pgd(0,03, iters: 5)`
    Alone,
    /// in brackets, elsewhere: `[256,128]`
    Entry,
}

/// What is written in place of the commas, and whether that is sure.
type Meant = (&'static str, Applicability);

/// Digits on both sides of the `i`th token, a comma, and no blanks: reported where one number can be meant, and read as it.
pub fn commas(pass: &mut Pass, i: usize) {
    let touches = |i: usize| pass.touches_next(i);
    let begins = i > 0 && touches(i - 1) && !(i > 1 && pass.text(i - 2) == "," && touches(i - 2));
    if !begins || !is_whole(pass.text(i - 1)) {
        return;
    }
    let mut last = i - 1;
    while pass.text(last + 1) == "," && touches(last) && touches(last + 1) && is_group(pass.text(last + 2)) {
        last += 2;
    }
    let groups: Vec<&str> = (i - 1..=last).step_by(2).map(|g| pass.text(g)).collect();
    let Some((sign, sureness)) = meant(&groups, place(pass, i - 1, last)) else { return };
    let sureness = if may_be_several(pass, i - 1, last, sign) { Applicability::Unsafe } else { sureness };
    let text = groups.join(sign);
    let message = match sign {
        "." => "decimals are written with a point",
        _ => "thousands are set apart by `_`, not by a comma",
    };
    let found = Diagnostic::new(Code::FOREIGN_SYNTAX, between(pass, i - 1, last), message);
    let commas: Vec<_> = (i..last).step_by(2).map(|comma| pass.tokens[comma]).collect();
    let edits = commas.iter().map(|comma| Edit { span: pass.span(*comma), text: sign.into() }).collect();
    let title = format!("write `{text}`");
    pass.report.push(found.help(&title).with_fix(&title, sureness, edits));
    commas.into_iter().for_each(|comma| pass.repair(comma, sign));
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the tokens may list numbers without the brackets: `for i in 1,2`, `layers 0,1`, `seed 1,2`.
fn may_be_several(pass: &Pass, first: usize, last: usize, sign: &str) -> bool {
    let Some(before) = first.checked_sub(1).filter(|b| pass.tokens[*b].kind == TokenKind::Word) else { return false };
    let has_unit = pass.tokens.get(last + 1).is_some_and(|t| t.kind == TokenKind::Word);
    let fraction = pass.text(first) == "0" || has_unit || !is_whole(pass.text(last));
    match pass.text(before) {
        "in" | "layer" | "layers" | "block" | "blocks" => is_whole(pass.text(last)),
        _ => sign == "." && !fraction,
    }
}

/// The digits that a token begins with.
fn digits(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()]
}

/// `5`, or at the end `5%`, `5e-3` and `5epochs`.
fn is_group(text: &str) -> bool {
    !digits(text).is_empty() && !text.contains(['.', '_'])
}

/// The place of the number from the `first` token to the `last`.
fn place(pass: &Pass, first: usize, last: usize) -> Place {
    let before = |n: usize| first.checked_sub(n).map_or("", |i| pass.text(i));
    let word = first > 0 && pass.tokens[first - 1].kind == TokenKind::Word;
    let has_unit = pass.tokens.get(last + 1).is_some_and(|t| t.kind == TokenKind::Word);
    let next = last + 1 + usize::from(has_unit);
    let ends = [")", "]"].contains(&pass.text(next)) || pass.text(next) == "," && pass.text(next + 2) == ":";
    match (pass.depth, before(1), before(2)) {
        (0, ..) if word => Place::Plain,
        (0, ..) => Place::Outside,
        (_, ":" | "=", _) | (_, "-", ":" | "=") => Place::Named,
        (_, "(" | "[", _) if ends => Place::Alone,
        _ => Place::Entry,
    }
}

/// One number, where the groups of digits can be nothing else.
fn meant(groups: &[&str], place: Place) -> Option<Meant> {
    let [first, second, ..] = *groups else { return None };
    // No number begins with a 0 that more digits follow.
    let is_rest = digits(second).len() > 1 && second.starts_with('0');
    if matches!(place, Place::Alone | Place::Entry) && !(groups.len() == 2 && is_rest) {
        return None;
    }
    let by_three = groups[1..].iter().all(|g| digits(g).len() == 3 && !g.ends_with('%'));
    if by_three && first.len() <= 3 && !first.starts_with('0') {
        // Few write a decimal that ends in 0. Of several in a list not all may be told.
        let ends_in_0 = groups.last().is_some_and(|g| digits(g).ends_with('0'));
        let sure = place == Place::Plain || ends_in_0 && place != Place::Entry;
        return Some(("_", if sure { Applicability::Safe } else { Applicability::Unsafe }));
    }
    let decimal = groups.len() == 2 && (place != Place::Named || first == "0" || is_rest);
    let sure = match place {
        Place::Alone => first == "0",
        Place::Entry => false,
        _ => true,
    };
    decimal.then_some((".", if sure { Applicability::Safe } else { Applicability::Unsafe }))
}

fn between(pass: &Pass, first: usize, last: usize) -> Span {
    pass.span(pass.tokens[first]).to(pass.span(pass.tokens[last]))
}

/// `0. 05`: the `i`th token ends with its point, and digits follow behind blanks.
pub fn point(pass: &mut Pass, i: usize) {
    let Some(whole) = pass.text(i).strip_suffix('.').filter(|w| is_whole(w)) else { return };
    let behind = pass.text(i + 1);
    if pass.touches_next(i) || !is_group(behind) {
        return;
    }
    // Where a comma may be missing, only a 0 that more digits follow is sure.
    let sure = behind.len() > 1 && behind.starts_with('0') || pass.depth == 0 && whole == "0";
    let text = format!("{whole}.{behind}");
    let (start, end) = (pass.tokens[i].end as usize, pass.tokens[i + 1].start as usize);
    let gap = Span::new(pass.file, start, end);
    let message = "the digits behind a point touch it";
    let title = format!("write `{text}`");
    let found = Diagnostic::new(Code::BAD_NUMBER, between(pass, i, i + 1), message).help(&title);
    let sureness = if sure { Applicability::Safe } else { Applicability::Unsafe };
    pass.report.push(found.with_fix(&title, sureness, vec![Edit { span: gap, text: String::new() }]));
    pass.repairs.push(Repair { start, end, text: String::new() });
}
