//! `lr = 0.1`: the syntax has told the `=`; here it is known which words there are, so what was meant can be said.

use super::context::Context;
use super::scope::{Binding, Meaning};
use super::statements::find;
use super::suggest;
use super::values::Place;
use crate::components::Type;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::Simple;
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
        self.sharpen(equals, "a name is not bound like this".into(), format!("write `let {word} = …`"), |d| {
            d.fix("write `let`", simple.word.span.before(), "let ")
        });
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
