//! `train n steps`: a unit behind what is no plain number. It is told, with where the unit belongs.

use super::apart::Together;
use super::context::Context;
use super::vocabulary::UNITS;
use crate::components::{Param, Type, Value};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::tree::{Argument, Expr, ExprKind};

/// Whether a place takes durations.
fn takes_time(ty: &Type) -> bool {
    match *ty {
        Type::Duration => true,
        Type::OneOf(types) => types.iter().any(takes_time),
        _ => false,
    }
}

impl<'a> Context<'a> {
    /// A value for `param` whose unit stands behind it as an argument of its own.
    pub(super) fn unit_apart(&mut self, arguments: &'a [Argument], param: &'static Param) -> Option<Together> {
        let [Argument { value, .. }, Argument { name: None, value: unit, .. }, ..] = arguments else { return None };
        let ExprKind::Name(word) = &unit.kind else { return None };
        let no_number = matches!(value.kind, ExprKind::Name(_) | ExprKind::Paren(_) | ExprKind::Binary { .. });
        let is_unit = UNITS.iter().any(|(name, _)| name == word) && self.scopes.place(word).is_none();
        if !takes_time(&param.ty) || !no_number || !is_unit {
            return None;
        }
        match self.evaluate(value, &param.ty) {
            // In phases that are never called parameters have no value; elsewhere, why not has been told.
            None if self.phases.is_empty() => {}
            Some(Value::Duration(duration)) => {
                let text = self.sources.text(value.span);
                let message = format!("`{text}` has a unit already: it is {duration}");
                let d = Diagnostic::new(Code::WRONG_UNIT, unit.span, message);
                let d = self.blaming_definition(d, value.span);
                let gap = Span { end: unit.span.end, ..value.span.after() };
                self.report(d.help(format!("write `{text}` alone")).maybe_fix(format!("leave out `{word}`"), gap, ""));
            }
            number => self.unit_of(number, value, (word, unit.span)),
        }
        Some((2, None))
    }

    /// Tells that the unit follows a name or a calculation, which may come to a number.
    fn unit_of(&mut self, number: Option<Value>, value: &Expr, (unit, span): (&str, Span)) {
        let d = Diagnostic::new(Code::WRONG_UNIT, span, "a unit follows a number that is written out");
        let text = self.sources.text(value.span);
        let one = if unit.len() > 3 { unit.trim_end_matches('s') } else { unit };
        let here = match value.kind {
            ExprKind::Binary { .. } => format!("({text}) * 1 {one}"),
            _ => format!("{text} * 1 {one}"),
        };
        let whole = value.span.to(span);
        let definition = self.defined_at(value.span).and_then(|name| Some((name, self.literal_behind(name)?)));
        let is_sum = !matches!(value.kind, ExprKind::Name(_));
        let d = match (definition, number) {
            (Some((name, literal)), _) => {
                let before = self.sources.get(name.file).text[..name.start as usize].split_whitespace().next_back();
                let literal_text = self.sources.text(literal);
                let definition = format!("{} {text} = {literal_text} {unit}", before.unwrap_or("let"));
                let gap = Span { end: span.end, ..value.span.after() };
                let edits =
                    vec![Edit { span: literal.after(), text: format!(" {unit}") }, Edit { span: gap, text: "".into() }];
                let d = d.label(name, "its value comes from here");
                let d = d.help(format!("the unit belongs to the definition: `{definition}`; or write `{here}`"));
                d.with_fix(format!("write `{definition}`"), Applicability::Unsafe, edits)
            }
            (None, Some(Value::Int(n))) if is_sum => d.help(format!("write `{n} {unit}`, or `{here}`")),
            (None, Some(Value::Real(n))) if is_sum => d.help(format!("write `{n} {unit}`, or `{here}`")),
            _ => self.blaming_definition(d, value.span).help(format!("write `{here}`")),
        };
        self.report(d.maybe_fix(format!("write `{here}`"), whole, here));
    }
}
