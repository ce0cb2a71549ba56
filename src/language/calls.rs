//! Where a mistake comes from: the definition of a name, and in the body of a phase the arguments of its calls.

use super::context::Context;
use super::index::DefinitionKind;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::tokens::{Token, TokenKind, tokens};
use crate::syntax::tree::Parameter;

/// Bytes of a place in which parameters are looked for; longer ones hold more than a value.
const LONGEST: usize = 1_000;

/// A phase whose body is being read.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub name: String,
    pub parameters: &'a [Parameter],
    /// what the call gives to each of them; `None` where it has its default
    pub arguments: Vec<Option<Span>>,
}

impl<'a> Call<'a> {
    /// The first parameter in a text that was given something: itself, and its argument. Only what may be its value
    /// counts: not the name of an argument or of a field, nor what stands in quotes or a comment.
    fn passed(&self, text: &str) -> Option<(&'a Parameter, Span)> {
        let code: Vec<Token> = tokens(text).into_iter().filter(|t| t.is_code()).collect();
        (0..code.len()).filter(|i| code[*i].kind == TokenKind::Word).find_map(|i| {
            let symbol = |at: Option<&Token>| at.map_or("", |t| t.text(text));
            if symbol(code.get(i + 1)) == ":" || symbol(i.checked_sub(1).map(|i| &code[i])) == "." {
                return None;
            }
            let word = code[i].text(text);
            let index = self.parameters.iter().position(|p| p.name.text == word)?;
            Some((&self.parameters[index], (*self.arguments.get(index)?)?))
        })
    }
}

impl Context<'_> {
    /// An error with the place where the name at `span`, which is to blame, got its value.
    pub(super) fn blaming_definition(&self, d: Diagnostic, span: Span) -> Diagnostic {
        // There it is the argument that is wrong, whatever its value.
        let whatever = [Code::EXTRA_ARGUMENT, Code::DUPLICATE_ARGUMENT, Code::BAD_STEP_PLACE].contains(&d.code);
        if whatever || d.severity != Severity::Error {
            return d;
        }
        let Some(definition) = self.index.value_behind(span) else { return d };
        let given = self.options.overrides.iter().find(|given| given.name == definition.name);
        let place = match given.filter(|_| definition.kind == DefinitionKind::Param) {
            Some(given) => given.value.span,
            None => definition.span,
        };
        match d.labels.iter().all(|label| label.span != place) {
            true => d.label(place, "its value comes from here"),
            false => d,
        }
    }

    /// With the arguments of the calls around this place that an error comes from.
    pub(super) fn blaming_calls(&self, mut d: Diagnostic) -> Diagnostic {
        if d.severity != Severity::Error {
            return d;
        }
        let mut place = d.primary.span;
        for (depth, call) in self.phases.iter().rev().enumerate() {
            let text = self.sources.text(place);
            if text.len() > LONGEST {
                break;
            }
            let Some((Parameter { name, .. }, argument)) = call.passed(text) else { break };
            // In the body that is being read, a block may have another thing of that name.
            if depth == 0 && self.scopes.place(&name.text) != Some(name.span) {
                break;
            }
            d.labels.retain(|l| l.span != name.span);
            d = d.label(argument, format!("`{}` comes from this call", name.text));
            place = argument;
        }
        d
    }
}
