//! Values that don't fit their places, units and choices that there are none of: what is said of them.

use super::context::Context;
use super::suggest;
use super::values::Place;
use crate::components::coerce::{Mismatch, coerce, words};
use crate::components::{Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::{Expr, ExprKind};
use std::fmt::Display;

/// What of an expression is to blame for a mismatch: of a list that was written out, the first entry that does not fit.
pub(super) fn blamed(expr: &Expr, value: Option<&Value>, ty: &Type, mismatch: Mismatch) -> (Span, Mismatch) {
    let whole = (expr.span, mismatch);
    let (ExprKind::List(entries), Some(Value::List(items)), Type::List(entry)) = (&expr.kind, value, ty) else {
        return whole;
    };
    if entries.len() != items.len() {
        return whole;
    }
    let wrong = entries.iter().zip(items).find_map(|(e, v)| Some((e, v, coerce(v.clone(), entry).err()?)));
    wrong.map_or(whole, |(e, v, mismatch)| blamed(&e.value, Some(v), entry, mismatch))
}

impl Context<'_> {
    /// Reports a value that does not fit its place.
    pub(super) fn mismatch(&mut self, span: Span, place: Place<'_>, mismatch: Mismatch) {
        let what = place.what;
        let d = match mismatch {
            Mismatch::BareShare(1) => {
                let message = format!("{what} is a share: is 1 meant as 1% or as all of it, 100%?");
                Diagnostic::new(Code::BARE_SHARE, span, message).help("write `1%` or `100%`")
            }
            Mismatch::BareShare(i) => {
                let message = format!("{what} is a share, written with `%` or a decimal point");
                let d = Diagnostic::new(Code::BARE_SHARE, span, message);
                match (0..=100).contains(&i) {
                    true => d.help(format!("did you mean `{i}%`?")).fix(
                        format!("replace with `{i}%`"),
                        span,
                        format!("{i}%"),
                    ),
                    false => d.help("it lies between `0%` and `100%`"),
                }
            }
            Mismatch::BareDuration(r) => {
                Diagnostic::new(Code::WRONG_UNIT, span, format!("{what} is a duration: {r} of what?"))
                    .help(format!("write `{r} epochs`"))
                    .maybe_fix(format!("replace with `{r} epochs`"), span, format!("{r} epochs"))
            }
            Mismatch::Range(text) => {
                let mut d = Diagnostic::new(Code::OUT_OF_RANGE, span, format!("{what} {text}"));
                if let Some(r) = self.sources.text(span).parse::<f64>().ok().filter(|r| *r > 1.0 && *r <= 100.0) {
                    d = d.maybe_fix(format!("replace with `{r}%`"), span, format!("{r}%"));
                }
                if text.starts_with("takes a share") { d.help("`100%` is all of it") } else { d }
            }
            Mismatch::Choice { found, allowed } => self.unknown_choice(&found, allowed, span, what),
            Mismatch::Type { expected, found } => {
                let d = Diagnostic::new(Code::WRONG_TYPE, span, format!("{what} takes {expected}, not {found}"));
                self.advise_type(d, span, place)
            }
        };
        self.report(d);
    }

    /// A word that is none of those that a place takes.
    pub fn unknown_choice(&self, found: &str, allowed: &[&'static str], span: Span, what: &dyn Display) -> Diagnostic {
        let list = words(allowed);
        let d = Diagnostic::new(Code::UNKNOWN_CHOICE, span, format!("{what} is one of {list}, not `{found}`"));
        match suggest::closest(found, allowed.iter().copied()).first() {
            Some(guess) => d.help(format!("did you mean `{guess}`?")).fix(
                format!("replace with `{guess}`"),
                span,
                guess.to_string(),
            ),
            None => d,
        }
    }

    /// `10 iters`; after `1`, the singular is meant.
    pub(super) fn unknown_unit(&mut self, unit: &str, span: Span, one: bool) {
        let d = Diagnostic::new(Code::WRONG_UNIT, span, format!("`{unit}` is no unit of time"));
        let (epochs, steps) = if one { ("epoch", "step") } else { ("epochs", "steps") };
        let guess = match unit {
            "ep" | "eps" => Some(epochs),
            "iters" | "iter" | "iterations" | "iteration" | "it" | "batches" | "batch" | "ba" => Some(steps),
            "sec" | "secs" | "seconds" | "second" => Some("s"),
            "m" | "mins" | "minutes" | "minute" => Some("min"),
            "hours" | "hour" | "hr" | "hrs" => Some("h"),
            other => {
                let words =
                    [epochs, steps, "epochs", "steps", "epoch", "step", "min", "with", "then", "and", "or", "on"];
                suggest::nearest(other, words)
            }
        };
        self.report(match guess {
            Some(guess) => d.help(format!("write `{guess}`")).fix(format!("replace with `{guess}`"), span, guess),
            None => d.help("units are `epochs`, `steps`, `s`, `min` and `h`"),
        });
    }
}
