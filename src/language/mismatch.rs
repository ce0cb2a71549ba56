//! Values that don't fit their places, units and choices that there are none of: what is said of them.

use super::context::Context;
use super::suggest;
use super::values::Place;
use crate::components::coerce::{Mismatch, coerce, words};
use crate::components::{Type, Value};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::tree::{Expr, ExprKind};
use std::fmt::Display;

const BLANKS: [char; 2] = [' ', '\t'];

/// Whether a text is a number or a quoted text, which a fix may replace; a name may mean more than what is wrong here.
pub(super) fn is_literal(text: &str) -> bool {
    text.starts_with('"') || text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit())
}

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
                    true => {
                        let d = d.help(format!("did you mean `{i}%`?"));
                        self.instead(d, span, format!("{i}%"), self.bare_share_meant(span))
                    }
                    false => d.help("it lies between `0%` and `100%`"),
                }
            }
            Mismatch::BareDuration(r) => {
                let message = format!("{what} is a duration: {r} of what?");
                let d = Diagnostic::new(Code::WRONG_UNIT, span, message).help(format!("write `{r} epochs`"));
                self.instead(d, span, format!("{r} epochs"), Applicability::Unsafe)
            }
            Mismatch::Range(text) => {
                let mut d = Diagnostic::new(Code::OUT_OF_RANGE, span, format!("{what} {text}"));
                d = match self.sources.text(span).parse::<f64>().ok().filter(|r| *r > 1.0 && *r <= 100.0) {
                    Some(r) => d.maybe_fix(format!("replace with `{r}%`"), span, format!("{r}%")),
                    None => d,
                };
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
        let guesses = suggest::closest(found, allowed.iter().copied());
        let (meant, sureness) = match suggest::foreign_choice(found, allowed) {
            Some(ours) => (Some(ours), Applicability::Safe),
            None => (guesses.first().copied(), suggest::sureness(found, &guesses)),
        };
        match meant {
            Some(meant) if self.sources.text(span) == found => {
                let edit = Edit { span, text: meant.to_string() };
                let d = d.help(format!("did you mean `{meant}`?"));
                d.with_fix(format!("replace with `{meant}`"), sureness, vec![edit])
            }
            Some(meant) => d.help(format!("did you mean `{meant}`?")),
            None => d,
        }
    }

    /// With what to write instead of the number at `span`; where a name stands there, what it was given is to blame.
    pub(super) fn instead(&self, d: Diagnostic, span: Span, text: String, sureness: Applicability) -> Diagnostic {
        let title = format!("replace with `{text}`");
        if is_literal(self.sources.text(span)) {
            return d.with_fix(title, sureness, vec![Edit { span, text }]);
        }
        let literal = self.defined_at(span).and_then(|name| self.literal_behind(name));
        match literal {
            Some(literal) => d.maybe_fix(format!("{title} in the definition"), literal, text),
            None => d,
        }
    }

    /// Where the name at `span` is bound.
    pub(super) fn defined_at(&self, span: Span) -> Option<Span> {
        self.scopes.place(self.sources.text(span))
    }

    /// The number that a definition gives to the name at `name`: `30` of `let share = 30`.
    pub(super) fn literal_behind(&self, name: Span) -> Option<Span> {
        let text = &self.sources.get(name.file).text[name.end as usize..];
        let value = text.trim_start_matches(BLANKS).strip_prefix('=')?.trim_start_matches(BLANKS);
        let length = value.find([' ', '\t', '\r', '\n', ';', '#', ',', ')', '}']).unwrap_or(value.len());
        let start = name.end as usize + text.len() - value.len();
        let rest = value[length..].trim_start_matches(BLANKS);
        let alone = rest.is_empty() || rest.starts_with(['\r', '\n', ';', '#', ',', ')', '}']);
        (alone && is_literal(&value[..length])).then(|| Span::new(name.file, start, start + length))
    }

    /// Whether a number without `%` is sure to be a share: not where another follows it, so that it may be an index.
    fn bare_share_meant(&self, span: Span) -> Applicability {
        let behind = self.sources.get(span.file).text[span.end as usize..].trim_start_matches(BLANKS);
        match behind.starts_with(|c: char| c.is_ascii_digit()) {
            true => Applicability::Unsafe,
            false => Applicability::Safe,
        }
    }

    /// `10 iters`; after `1`, the singular is meant.
    pub(super) fn unknown_unit(&mut self, unit: &str, span: Span, one: bool) {
        let d = Diagnostic::new(Code::WRONG_UNIT, span, format!("`{unit}` is no unit of time"));
        match unit {
            "times" => return self.report(d.help("the number stands alone: `repeat 5 { … }`")),
            "until" | "while" | "unless" => {
                return self.report(
                    d.help("training takes a length, which may end early: `train 10 { when clean > 80% { stop } }`"),
                );
            }
            "percent" | "pct" => return self.report(d.help("a share is written with `%`, as in `30%`")),
            _ => {}
        }
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
