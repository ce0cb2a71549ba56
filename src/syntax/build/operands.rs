//! Operands: literals, names, brackets, and what touches them.

use pest::iterators::Pair;

use super::Builder;
use super::expressions::Built;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::numbers::{self, Number};
use crate::syntax::strings;
use crate::syntax::tree::{Expr, ExprKind, Name};

impl Builder<'_> {
    /// A literal, name or bracket, and the calls, indexes and fields behind it.
    pub(super) fn operand(&self, pair: Pair<Rule>) -> Built {
        let whole = self.error(&pair);
        let mut built = Built::leaf(whole);
        for part in pair.into_inner() {
            built = match part.as_rule() {
                Rule::numeric => Built::leaf(self.numeric(part)),
                Rule::string => Built::leaf(self.text(&part)),
                Rule::reference => Built::leaf(self.reference(&part)),
                Rule::paren => self.paren(part),
                Rule::list => {
                    let span = self.span(&part);
                    let (entries, depth) = self.entries(part, Rule::rbracket);
                    self.limited(Expr { kind: ExprKind::List(entries), span }, depth + 1)
                }
                Rule::call => self.call(built, part),
                Rule::index => self.index(built, part),
                _ => self.field(built, part),
            };
        }
        built
    }

    /// `40`, `30%`, `40 epochs`
    fn numeric(&self, pair: Pair<Rule>) -> Expr {
        let whole = self.span(&pair);
        let mut number = Expr { kind: ExprKind::Error, span: whole };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::number => number = self.number(&part),
                Rule::percent => number = Expr { kind: percent(&number.kind), span: whole },
                _ if matches!(number.kind, ExprKind::Int(_) | ExprKind::Real(_)) => {
                    let unit = self.name(&part);
                    number = Expr { kind: ExprKind::Quantity { number: Box::new(number), unit }, span: whole };
                }
                _ => number.span = whole,
            }
        }
        number
    }

    fn number(&self, pair: &Pair<Rule>) -> Expr {
        let span = self.span(pair);
        let (number, diagnostic) = numbers::read(pair.as_str(), span);
        diagnostic.into_iter().for_each(|d| self.push(d));
        let kind = match number {
            Number::Int(n) => ExprKind::Int(n),
            Number::Real(x) => ExprKind::Real(x),
            Number::Glued { number, unit } => {
                let place = pair.as_span();
                let at = self.part.span(place.start() + unit, place.end());
                let unit = Name { text: pair.as_str()[unit..].to_string(), span: at };
                let number = Box::new(Expr { kind: number, span: Span { end: at.start, ..span } });
                ExprKind::Quantity { number, unit }
            }
            Number::Bad => ExprKind::Error,
        };
        Expr { kind, span }
    }

    /// `"costs.csv"`
    pub(super) fn text(&self, pair: &Pair<Rule>) -> Expr {
        let start = pair.as_span().start();
        let text = strings::decode(pair.as_str(), |from, to| self.part.span(start + from, start + to), self.report);
        Expr { kind: ExprKind::Text(text), span: self.span(pair) }
    }

    fn reference(&self, pair: &Pair<Rule>) -> Expr {
        let kind = match pair.as_str() {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            name => ExprKind::Name(name.to_string()),
        };
        Expr { kind, span: self.span(pair) }
    }

    /// `( … )`
    fn paren(&self, pair: Pair<Rule>) -> Built {
        let span = self.span(&pair);
        let end = pair.as_span().end();
        let mut inner = None;
        for part in pair.into_inner() {
            let start = part.as_span().start();
            match part.as_rule() {
                Rule::inner => inner = Some(self.build(part)),
                _ if inner.is_none() => {
                    self.expected(start, &[Rule::inner]);
                    return Built::leaf(Expr { kind: ExprKind::Error, span });
                }
                _ => {
                    self.expected_with(start, &[Rule::tight, Rule::rparen], |found| {
                        if part.as_str().starts_with(',') { found.help("a list is written `[a, b]`") } else { found }
                    });
                    return Built::leaf(Expr { kind: ExprKind::Error, span });
                }
            }
        }
        let Some(inner) = inner else {
            self.expected(end - 1, &[Rule::inner]);
            return Built::leaf(Expr { kind: ExprKind::Error, span });
        };
        self.limited(Expr { kind: ExprKind::Paren(Box::new(inner.expr)), span }, inner.depth + 1)
    }

    /// `callee( … )`
    fn call(&self, base: Built, pair: Pair<Rule>) -> Built {
        let place = self.span(&pair);
        let span = base.expr.span.to(place);
        let (arguments, deepest) = self.entries(pair, Rule::rparen);
        match dotted(&base.expr) {
            Some(text) => {
                let callee = Name { text, span: base.expr.span };
                self.limited(Expr { kind: ExprKind::Call { callee, arguments }, span }, deepest + 1)
            }
            None => {
                if !matches!(base.expr.kind, ExprKind::Error) {
                    let opener = Span { end: place.start + 1, ..place };
                    let found = Diagnostic::new(Code::SYNTAX, opener, "only a name can be called");
                    self.push(
                        found
                            .label(base.expr.span, "this is a value")
                            .help("put a blank before the bracket to begin another argument"),
                    );
                }
                Built::leaf(Expr { kind: ExprKind::Error, span })
            }
        }
    }

    /// `base[ … ]`
    fn index(&self, base: Built, pair: Pair<Rule>) -> Built {
        let place = self.span(&pair);
        let span = base.expr.span.to(place);
        let end = pair.as_span().end();
        let (mut parts, mut colon, mut bad) = (Vec::new(), None, false);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::inner => parts.push((colon.is_some(), self.build(part))),
                Rule::slice_colon => colon = Some(self.span(&part)),
                _ => {
                    let rules: &[Rule] =
                        if parts.is_empty() && colon.is_none() { &[Rule::inner] } else { &[Rule::rbracket] };
                    self.expected(part.as_span().start(), rules);
                    bad = true;
                }
            }
        }
        if parts.is_empty() && colon.is_none() && !bad {
            self.expected(end - 1, &[Rule::inner]);
        }
        let index = match colon {
            _ if bad => None,
            Some(colon) => Some(self.slice(colon, parts, place)),
            None => parts.pop().map(|(_, index)| index),
        };
        let Some(index) = index else { return Built::leaf(Expr { kind: ExprKind::Error, span }) };
        let depth = base.depth.max(index.depth) + 1;
        self.limited(
            Expr { kind: ExprKind::Index { base: Box::new(base.expr), index: Box::new(index.expr) }, span },
            depth,
        )
    }

    /// `[-2:]`, as Python writes it; read as a range
    fn slice(&self, colon: Span, parts: Vec<(bool, Built)>, place: Span) -> Built {
        let (mut start, mut end): (Option<Expr>, Option<Expr>) = (None, None);
        let depth = parts.iter().map(|(_, part)| part.depth).max().unwrap_or(0);
        for (behind, part) in parts {
            *(if behind { &mut end } else { &mut start }) = Some(part.expr);
        }
        let from = start.as_ref().map_or(colon.start, |s| s.span.end);
        let to = end.as_ref().map_or(colon.end, |e| e.span.start);
        let between = Span { start: from, end: to, ..colon };
        let source = self.part.source;
        let text =
            format!("{}..{}", &source[place.start as usize..from as usize], &source[to as usize..place.end as usize]);
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, colon, "a range is written with `..`");
        let edit = Edit { span: between, text: "..".into() };
        self.push(found.help(format!("write `{text}`")).with_fix("write `..`", Applicability::Safe, vec![edit]));
        let first = start.as_ref().map_or(colon, |s| s.span);
        let span = first.to(end.as_ref().map_or(colon, |e| e.span));
        let (start, end) = (start.map(Box::new), end.map(Box::new));
        self.limited(Expr { kind: ExprKind::Range { start, end, inclusive: false }, span }, depth + 1)
    }

    /// `base.name`
    fn field(&self, base: Built, pair: Pair<Rule>) -> Built {
        let span = base.expr.span.to(self.span(&pair));
        let end = pair.as_span().end();
        match pair.into_inner().find(|p| p.as_rule() == Rule::any_name) {
            Some(name) => {
                let kind = ExprKind::Field { base: Box::new(base.expr), name: self.name(&name) };
                self.limited(Expr { kind, span }, base.depth + 1)
            }
            None => {
                self.expected(end, &[Rule::any_name]);
                Built::leaf(Expr { kind: ExprKind::Error, span })
            }
        }
    }
}

fn percent(number: &ExprKind) -> ExprKind {
    match number {
        ExprKind::Int(n) => ExprKind::Percent(*n as f64),
        ExprKind::Real(x) => ExprKind::Percent(*x),
        _ => ExprKind::Error,
    }
}

/// The text of `a` or `a.b.c`.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Field { base, name } => dotted(base).map(|base| format!("{base}.{}", name.text)),
        _ => None,
    }
}
