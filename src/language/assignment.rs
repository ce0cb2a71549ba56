//! `lr = 0.1`: the syntax has told the `=`; here it is known which words there are, so what was meant can be said.

use super::context::Context;
use super::scope::{Binding, Meaning};
use super::statements::find;
use super::suggest;
use super::values::Place;
use crate::components::Type;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::tree::{Argument, ExprKind, Simple};
use std::collections::HashMap;

impl<'a> Context<'a> {
    pub(super) fn assignment(&mut self, simple: &'a Simple, equals: Span, span: Span) {
        let word = simple.word.text.as_str();
        if find(word).is_some() {
            let blank = Span { start: simple.word.span.end, ..equals };
            let touches = self.sources.get(equals.file).text[equals.end as usize..].starts_with(char::is_whitespace);
            let text = if touches { "" } else { " " };
            self.sharpen(equals, format!("no `=` follows the word `{word}`"), format!("write `{word} …`"), |d| {
                d.fix("remove the `=`", blank, text)
            });
            return self.simple(simple, span);
        }
        // `epochs = 10` is a name that training is given further down; `batch_size = 64` means a setting.
        let foreign = suggest::foreign_statement(word).is_some_and(|(ours, _)| ours != "train");
        if foreign || suggest::later(word).is_some() {
            self.superseded.extend(self.assignments.get(&equals));
            return self.unknown_statement(simple);
        }
        if let Some(place) = self.scopes.place(word) {
            let message = format!("`{word}` has a value, and names never change their value");
            let help = format!("bind another name: `let {word}_2 = …`, and write it where the new value is meant");
            self.sharpen(equals, message, help, |d| d.label(place, "defined here"));
            self.only_names(&simple.arguments);
            return;
        }
        self.unbound(simple, equals, span);
        let any = Place { what: &"the value", ty: &Type::Any, bounds: None };
        let value = simple.arguments.first().and_then(|a| self.value(&a.value, any));
        let binding = Binding {
            name: word.to_string(),
            span: simple.word.span,
            meaning: Meaning::Value(value),
            used: true,
            choice: false,
            imported: false,
        };
        // A second one of that name has nothing to add: the first is what the rest of the text means.
        let _ = self.scopes.bind(binding);
    }

    /// `epochs = 10`: a name, where something below is written with it; else it may have been meant to do something.
    fn unbound(&mut self, simple: &Simple, equals: Span, span: Span) {
        if !self.assignments.contains_key(&equals) {
            return;
        }
        let word = simple.word.text.as_str();
        let message = "a name is not bound like this".to_string();
        let bound = format!("write `let {word} = …`");
        let let_ = Edit { span: simple.word.span.before(), text: "let ".into() };
        if self.is_written_below(word, span) {
            return self
                .sharpen(equals, message, bound, |d| d.with_fix("write `let`", Applicability::Safe, vec![let_]));
        }
        let instead = match (&simple.arguments[..], suggest::foreign_statement(word)) {
            ([Argument { name: None, value, .. }], Some((ours, _))) if matches!(value.kind, ExprKind::Int(_)) => {
                let unit = suggest::renamed(word).unwrap_or_default();
                Some(format!("{ours} {}{unit}", self.sources.text(value.span)))
            }
            _ => None,
        };
        let help = match &instead {
            Some(instead) => format!("write `{instead}`, or `let {word} = …` and use the name below"),
            None => format!("{bound}, and use the name below"),
        };
        self.sharpen(equals, message, help, |d| {
            let d = match instead {
                Some(instead) => d.maybe_fix(format!("write `{instead}`"), span, instead),
                None => d,
            };
            d.with_fix("write `let`", Applicability::Unsafe, vec![let_])
        });
    }

    /// Whether the word stands somewhere behind a statement, and not as the unit of a number.
    fn is_written_below(&self, word: &str, statement: Span) -> bool {
        let text = &self.sources.get(statement.file).text[statement.end as usize..];
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let follows_number = |at: usize| {
            let before = text[..at].trim_end_matches([' ', '\t']);
            let last = before.rsplit(|c: char| !part(c)).next().unwrap_or_default();
            last.starts_with(|c: char| c.is_ascii_digit())
        };
        let stands = |(at, _): (usize, &str)| {
            let whole = !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part);
            whole && !follows_number(at)
        };
        text.match_indices(word).any(stands)
    }

    /// Says better what the syntax has told of this `=`: without its fixes, and with `more`.
    fn sharpen(&mut self, equals: Span, message: String, help: String, more: impl FnOnce(Diagnostic) -> Diagnostic) {
        if let Some(d) = self.assignments.get(&equals).map(|i| &mut self.diagnostics[*i]) {
            // It is said anew each time that the body of a phase is read.
            let (help, labels, fixes) = (Some(help), Vec::new(), Vec::new());
            *d = more(Diagnostic { message, help, labels, fixes, ..d.clone() });
        }
    }
}

/// What the syntax says of assignments: indices of diagnostics by the place of the `=`.
pub(super) fn told_by_syntax(diagnostics: &[Diagnostic]) -> HashMap<Span, usize> {
    let mut told = HashMap::new();
    for (i, d) in diagnostics.iter().enumerate().filter(|(_, d)| d.code == Code::FOREIGN_SYNTAX) {
        told.entry(d.primary.span).or_insert(i);
    }
    told
}
