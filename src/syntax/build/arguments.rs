//! Arguments of statements and calls, entries of lists, parameters of phases.

use pest::iterators::Pair;

use super::Builder;
use super::expressions::Built;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::tree::{Argument, Expr, ExprKind, Name, Parameter};

impl Builder<'_> {
    /// An argument of a statement, which may not begin with `-` unless it is named.
    pub(super) fn argument(&self, pair: Pair<Rule>) -> Argument {
        let text = pair.as_str();
        let negative = text.starts_with('-');
        let (mut argument, _) = self.named_value(pair);
        if negative && argument.name.is_none() {
            self.negative_argument(&argument.value);
            argument.value.kind = ExprKind::Error;
        }
        argument
    }

    /// An argument that is a condition: a `=` in it was meant to compare.
    pub(super) fn condition(&self, pair: Pair<Rule>) -> Argument {
        let Some(equals) = pair.clone().into_inner().find(|p| p.as_rule() == Rule::wrong_equals) else {
            return self.argument(pair);
        };
        let whole = self.span(&pair);
        self.no_comparison(self.span(&equals));
        for value in pair.into_inner().filter(|p| p.as_rule() == Rule::outer) {
            self.expression(value);
        }
        Argument { name: None, value: Expr { kind: ExprKind::Error, span: whole }, span: whole }
    }

    /// `expect clean = 85%`
    pub(super) fn no_comparison(&self, equals: Span) {
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, equals, "`=` does not compare");
        let found = found.help("a condition compares with `==`, `>=` or `>`");
        self.push(found.maybe_fix("write `>=`", equals, ">=").maybe_fix("write `==`", equals, "=="));
    }

    /// The first argument behind a `:`, where a `-` is plain.
    pub(super) fn free_argument(&self, pair: Pair<Rule>) -> Argument {
        self.named_value(pair).0
    }

    fn negative_argument(&self, value: &Expr) {
        let text = format!("({})", &self.part.source[value.span.range()]);
        let found = Diagnostic::new(Code::AMBIGUOUS_OPERATOR, value.span, "an argument does not begin with `-`");
        self.push(found.help(format!("write `{text}`")).maybe_fix("put it in brackets", value.span, text));
    }

    /// What stands between the brackets of a call or list, up to `closer`, and the depth of the deepest.
    pub(super) fn entries(&self, pair: Pair<Rule>, closer: Rule) -> (Vec<Argument>, usize) {
        let mut entries: Vec<Argument> = Vec::new();
        let mut deepest = 0;
        let mut wants_entry = true;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::comma => {
                    if wants_entry {
                        self.expected(part.as_span().start(), &[Rule::inner]);
                    }
                    wants_entry = true;
                }
                Rule::missing_comma => self.missing_comma(part.as_span().start(), closer, entries.last()),
                _ => {
                    let (entry, depth) = self.entry(part, closer);
                    entries.push(entry);
                    deepest = deepest.max(depth);
                    wants_entry = false;
                }
            }
        }
        (entries, deepest)
    }

    fn missing_comma(&self, offset: usize, closer: Rule, last: Option<&Argument>) {
        self.expected_with(offset, &[Rule::comma, closer], |found| match last {
            Some(last) => found.maybe_fix("put a `,` between them", last.span.after(), ","),
            None => found,
        });
    }

    fn entry(&self, pair: Pair<Rule>, closer: Rule) -> (Argument, usize) {
        let whole = self.span(&pair);
        if let Some(tail) = pair.clone().into_inner().find(|p| p.as_rule() == Rule::tail) {
            let alone = tail.as_span().start() == pair.as_span().start();
            let behind = [Rule::comma, closer];
            self.expected(tail.as_span().start(), if alone { &[Rule::inner] } else { &behind });
        }
        let (mut argument, depth) = self.named_value(pair);
        if argument.span.end < whole.end {
            // Something behind it could not be read.
            argument.value = Expr { kind: ExprKind::Error, span: argument.value.span };
        }
        (argument, depth)
    }

    /// `name: value` or `value`, and the value's depth.
    fn named_value(&self, pair: Pair<Rule>) -> (Argument, usize) {
        let mut name: Option<Name> = None;
        let mut value = None;
        let mut wrong = None;
        let whole = self.span(&pair);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::any_name => name = Some(self.name(&part)),
                Rule::wrong_equals => wrong = Some(self.span(&part)),
                // `x= > 1`: the sign is the mistake.
                Rule::missing if wrong.is_some() => value = Some(Built::leaf(self.nothing(part.as_span().start()))),
                Rule::outer | Rule::inner | Rule::missing => value = Some(self.build(part)),
                _ => {}
            }
        }
        let unread = || Built::leaf(Expr { kind: ExprKind::Error, span: whole });
        let Built { expr: value, depth } = value.unwrap_or_else(unread);
        if let (Some(name), Some(equals)) = (&name, wrong) {
            self.wrong_equals(name, equals, &value);
        }
        let span = name.as_ref().map_or(value.span, |n| n.span.to(value.span));
        (Argument { name, value, span }, depth)
    }

    /// `pgd(eps=0.1)`
    fn wrong_equals(&self, name: &Name, equals: Span, value: &Expr) {
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, equals, "a named argument is written with `:`");
        let found = found.help(format!("write `{}: …`", name.text));
        let until = if value.span.start > equals.end { value.span.start } else { equals.end };
        let between = Span { start: name.span.end, end: until, ..equals };
        let only_blanks = self.part.source[equals.end as usize..until as usize].trim_matches([' ', '\t']).is_empty();
        let edited = if only_blanks { between } else { Span { end: equals.end, ..between } };
        self.push(found.fix("write `:`", edited, if only_blanks { ": " } else { ":" }));
    }

    /// `(share: Share, time: Duration = 10)`
    pub(super) fn parameters(&self, pair: Pair<Rule>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        let mut wants_entry = true;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::comma => {
                    if wants_entry {
                        self.expected(part.as_span().start(), &[Rule::any_name]);
                    }
                    wants_entry = true;
                }
                Rule::parameter => {
                    parameters.extend(self.parameter(part));
                    wants_entry = false;
                }
                Rule::missing_comma => self.expected(part.as_span().start(), &[Rule::comma, Rule::rparen]),
                Rule::rest => self.expected(
                    part.as_span().start(),
                    if wants_entry { &[Rule::any_name, Rule::rparen] } else { &[Rule::comma, Rule::rparen] },
                ),
                _ => {}
            }
        }
        parameters
    }

    fn parameter(&self, pair: Pair<Rule>) -> Option<Parameter> {
        let span = self.span(&pair);
        let (mut name, mut annotation, mut default, mut sign) = (None, None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::any_name if sign.is_some() => annotation = Some(self.name(&part)),
                Rule::any_name => name = Some(self.bound_name(&part)),
                Rule::inner => default = Some(self.expression(part)),
                Rule::missing => {
                    let at = part.as_span().start();
                    self.expected(at, if sign == Some(Rule::colon) { &[Rule::any_name] } else { &[Rule::inner] });
                }
                Rule::tail => self.expected(part.as_span().start(), &[Rule::comma, Rule::rparen]),
                rule => sign = Some(rule),
            }
        }
        name.map(|name| Parameter { name, annotation, default, span })
    }
}
