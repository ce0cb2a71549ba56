//! Arguments of statements that would differ from one round of a loop to the next where they must not.

use super::Word;
use crate::components::{Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::arguments::Bound;
use crate::language::context::Context;
use crate::source::Span;

impl Context<'_> {
    /// Takes out of the arguments, with an error, what is not known before the run and has to be. So no statement meets
    /// a value that waits where it wants one that doesn't.
    pub(super) fn refuse_varying(&mut self, word: &'static Word, bound: &mut Bound) {
        for (i, param) in word.params.iter().enumerate() {
            let span = bound.spans[i];
            if let Some(value) = bound.values[i].take_if(|value| varies_too_much(value, param.varies)) {
                self.varies(word, param, &value, span);
            }
        }
    }

    fn varies(&mut self, word: &Word, param: &Param, value: &Value, span: Span) {
        let what = match word.params {
            _ if param.name == word.name => format!("`{}`", word.name),
            [only] if !matches!(only.ty, Type::Text | Type::Selector) => format!("`{}`", word.name),
            _ => format!("`{}` of `{}`", param.name, word.name),
        };
        let mut measured = false;
        value.visit(&mut |e| measured |= e.is_of_the_run());
        if measured {
            let d = Diagnostic::new(Code::UNKNOWN_TIME, span, format!("{what} must be known before the run"));
            return self.report(d.help("metrics may stand in conditions only"));
        }
        let d = Diagnostic::new(Code::WRONG_TYPE, span, format!("{what} must be the same in each round of a loop"));
        self.report(d.help(match (param.varies, param.ty) {
            (Varies::Inside, Type::Selector) => {
                "write the rounds out; only an index may differ: `layers[i]`, `head[c]`"
            }
            (Varies::Inside, Type::List(_)) => "list them all here; only what stands in their brackets may differ",
            (Varies::Inside, _) => "write the rounds out; only what stands in its brackets may differ",
            (_, Type::Text) => "write the rounds out, each with its own text in quotes",
            _ => "write the rounds out, or make each a file with a `param`",
        }));
    }
}

fn varies_too_much(value: &Value, allowed: Varies) -> bool {
    match (allowed, value) {
        (Varies::All, _) => false,
        (Varies::Nothing, value) => value.waits(),
        (Varies::Inside, Value::List(items)) => items.iter().any(|v| matches!(v, Value::Later(..))),
        (Varies::Inside, value) => matches!(value, Value::Later(..)),
    }
}
