//! `sgd(lr: 1,5)`: two arguments that can only be one number with a comma.

use super::arguments::Bound;
use super::context::Context;
use crate::components::Type;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::tree::Argument;

impl Context<'_> {
    /// Whether the first two arguments are digits on both sides of a comma that touches both, where the second can be no
    /// argument of its own; if so, reports it. `index` is the parameter of the first.
    pub(super) fn parted_by_comma(&mut self, arguments: &[Argument], index: usize, bound: &Bound) -> bool {
        let [first, second @ Argument { name: None, .. }, ..] = arguments else { return false };
        let whole = first.value.span.to(second.value.span);
        let Some((before, behind)) = self.sources.text(whole).split_once(',') else { return false };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unit = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        let group = &behind[..behind.len() - unit.len()];
        if !digits(before) || !digits(group) || !(unit.is_empty() || unit.starts_with(['%', ' '])) {
            return false;
        }
        let thousands = group.len() == 3 && before.len() <= 3 && !before.starts_with('0') && !unit.starts_with('%');
        // A name belongs to one value, `pgd(0,3)` attacks with nothing, and a fraction is none where things are counted.
        let alone = first.name.is_some() || before == "0" || !bound.takes_more_than(index);
        if !alone || !(thousands || takes_fractions(&bound.params()[index].ty)) {
            return false;
        }
        let (sign, message) = match thousands {
            true => ("_", "thousands are set apart by `_`, not by a comma"),
            false => (".", "decimals are written with a point"),
        };
        let text = format!("{before}{sign}{behind}");
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, whole, message).help(format!("write `{text}`"));
        self.report(d.maybe_fix(format!("write `{text}`"), whole, text));
        true
    }
}

fn takes_fractions(ty: &Type) -> bool {
    match ty {
        Type::Real | Type::Share | Type::Duration | Type::Moment => true,
        Type::OneOf(types) => types.iter().any(takes_fractions),
        _ => false,
    }
}
