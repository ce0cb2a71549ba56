//! What people meant who write the head of a statement as another language has it.

use super::Builder;
use crate::diagnostic::Diagnostic;
use crate::syntax::Rule;
use crate::syntax::tokens::TokenKind;

impl Builder<'_> {
    /// Adds help, and a fix where it is sure, to what was expected at a place and isn't there.
    pub(super) fn habit(&self, found: Diagnostic, rules: &[Rule]) -> Diagnostic {
        let source = self.part.source;
        let at = found.primary.span;
        let here = &source[at.range()];
        let before = self.part.token_before(at.start as usize);
        let previous = before.map_or("", |t| t.text(source));
        match (rules, here, previous) {
            ([Rule::outer], "{", "repeat") => found.help("say how often: `repeat 5 { … }`"),
            ([Rule::outer], "{", "if") => found.help("say when: `if clean < 50% { … }`"),
            ([Rule::outer], "{", "in") => found.help("say over what: `for share in [10%, 30%] { … }`"),
            (_, "{", "then") => {
                let then = before.map_or(at, |t| self.part.token_span(t));
                let found = found.help("after a condition the block begins at once: leave `then` out");
                found.fix("leave out `then`", crate::source::Span { end: at.start, ..then }, "")
            }
            ([Rule::lbrace], "=", _) if self.behind("if", at.start as usize) => {
                found.help("a condition compares with `==`, `>=` or `>`")
            }
            ([Rule::lbrace], ":", _) => found.help("the statements of a block stand between `{` and `}`"),
            ([Rule::kw_in], "=", _) => found.help("a loop is written `for i in 1..=3 { … }`"),
            ([Rule::equals], _, _) if self.begins_value(at.start as usize) => {
                found.help("a name is bound by `=`").fix("write `=`", at.before(), "= ")
            }
            ([Rule::word], "else", _) | ([Rule::word], _, "else") => {
                found.help("behind `else`, on its line, stands `rollback \"name\"`, `stop` or `warn`")
            }
            (_, _, "until" | "while") if self.behind("repeat", at.start as usize) => {
                found.help("a loop that a condition ends is written `repeat until clean > 90% max: 20 { … }`")
            }
            ([Rule::any_name], "=", "let") => found.help("say what to call it: `let n = 10`"),
            (_, ",", _) if rules.contains(&Rule::rbracket) && !rules.contains(&Rule::comma) => {
                found.help("one index or range at a time; selectors are added up: `layers[1] + layers[3]`")
            }
            _ => found,
        }
    }

    /// Whether a word stands before a byte of the source, on its line.
    fn behind(&self, word: &str, at: usize) -> bool {
        let before = &self.part.source[..at];
        let line = &before[before.rfind('\n').map_or(0, |n| n + 1)..];
        line.split_whitespace().any(|w| w == word)
    }

    /// Whether a number, text or name begins at a byte of the source.
    fn begins_value(&self, at: usize) -> bool {
        let token = self.part.token_at(at);
        token.is_some_and(|t| matches!(t.kind, TokenKind::Number | TokenKind::Text(_) | TokenKind::Word))
    }
}
