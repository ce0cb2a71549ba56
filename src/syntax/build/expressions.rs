//! Operators: two levels of precedence climbing, with ranges between them, over pairs whose alternation of operand and
//! operator the grammar guarantees.

use std::sync::LazyLock;

use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::Builder;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::tree::{BinaryOp, Expr, ExprKind, UnaryOp};

/// How deep an expression may be, counting `a + b + c` as two. What walks the tree may recurse.
const MAX_DEPTH: usize = 256;

/// `then` `or` `and` `not` and comparisons, loosest first.
static LOOSE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let infix = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(infix(Rule::then))
        .op(infix(Rule::or))
        .op(infix(Rule::and))
        .op(Op::prefix(Rule::not))
        .op(infix(Rule::comparison))
});

/// `+ - &`, then `* /`, then unary `-`.
static TIGHT: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let infix = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new().op(infix(Rule::additive)).op(infix(Rule::multiplicative)).op(Op::prefix(Rule::negate))
});

/// An expression and its depth.
pub(super) struct Built {
    pub expr: Expr,
    pub depth: usize,
}

impl Built {
    pub(super) fn leaf(expr: Expr) -> Built {
        Built { expr, depth: 1 }
    }
}

impl Builder<'_> {
    /// The pair of rule `outer` or `inner`.
    pub(super) fn expression(&self, pair: Pair<Rule>) -> Expr {
        self.build(pair).expr
    }

    /// The same, with its depth.
    pub(super) fn build(&self, pair: Pair<Rule>) -> Built {
        match pair.as_rule() {
            Rule::outer => self.operators(&LOOSE, pair, true),
            Rule::inner => self.operators(&LOOSE, pair, false),
            Rule::outer_sum => self.operators(&TIGHT, pair, true),
            Rule::inner_sum => self.operators(&TIGHT, pair, false),
            Rule::outer_range => self.range(pair, true),
            Rule::inner_range => self.range(pair, false),
            Rule::operand | Rule::plain => self.operand(pair),
            _ => {
                let at = pair.as_span().start();
                self.expected(at, &[Rule::outer]);
                Built::leaf(self.nothing(at))
            }
        }
    }

    /// Operators and operands in turn. `strict`: outside brackets, where spacing counts.
    fn operators(&self, climber: &PrattParser<Rule>, pair: Pair<Rule>, strict: bool) -> Built {
        let count = pair.clone().into_inner().count();
        if count == 1
            && let Some(only) = pair.clone().into_inner().next()
        {
            return self.build(only);
        }
        if count > 2 * MAX_DEPTH {
            return self.too_deep(self.span(&pair));
        }
        climber
            .map_primary(|operand| self.build(operand))
            .map_prefix(|operator, operand| self.unary(&operator, operand))
            .map_infix(|left, operator, right| self.binary(left, &operator, right, strict))
            .parse(pair.into_inner())
    }

    /// Refuses what would nest too deeply, once per place.
    pub(super) fn limited(&self, expr: Expr, depth: usize) -> Built {
        if depth > MAX_DEPTH { self.too_deep(expr.span) } else { Built { expr, depth } }
    }

    fn too_deep(&self, span: Span) -> Built {
        let first = self.part.token_at(span.start as usize).map_or(span, |t| self.part.token_span(t));
        let found = Diagnostic::new(Code::TOO_DEEP, first, format!("this expression has more than {MAX_DEPTH} levels"));
        self.push(found.help("bind parts of it to names with `let`"));
        Built::leaf(Expr { kind: ExprKind::Error, span })
    }

    fn unary(&self, operator: &Pair<Rule>, operand: Built) -> Built {
        let op = if operator.as_rule() == Rule::not { UnaryOp::Not } else { UnaryOp::Negate };
        let span = self.span(operator).to(operand.expr.span);
        self.limited(Expr { kind: ExprKind::Unary { op, operand: Box::new(operand.expr) }, span }, operand.depth + 1)
    }

    fn binary(&self, left: Built, operator: &Pair<Rule>, right: Built, strict: bool) -> Built {
        let op = binary_op(operator.as_str());
        let span = left.expr.span.to(right.expr.span);
        let depth = left.depth.max(right.depth) + 1;
        let missing = matches!(right.expr.kind, ExprKind::Error) && right.expr.span.start == right.expr.span.end;
        if strict && !missing && self.lopsided(operator, &left.expr, &right.expr) {
            return Built { expr: Expr { kind: ExprKind::Error, span }, depth: 1 };
        }
        if let ExprKind::Binary { op: before, right: middle, .. } = &left.expr.kind
            && is_comparison(op)
            && is_comparison(*before)
        {
            self.chained(operator, span, left.expr.span, middle.span);
            return Built { expr: Expr { kind: ExprKind::Error, span }, depth: 1 };
        }
        let kind = ExprKind::Binary { op, left: Box::new(left.expr), right: Box::new(right.expr) };
        self.limited(Expr { kind, span }, depth)
    }

    /// `a < b < c`
    fn chained(&self, operator: &Pair<Rule>, whole: Span, left: Span, middle: Span) {
        let source = self.part.source;
        let rest = source[left.end as usize..whole.end as usize].trim_start();
        let text = format!("{} and {} {rest}", &source[left.range()], &source[middle.range()]);
        let found = Diagnostic::new(Code::CHAINED_COMPARISON, self.span(operator), "comparisons do not chain");
        let found = found.label(left, "this is true or false already").help(format!("write `{text}`"));
        self.push(found.maybe_fix("compare twice", whole, text));
    }

    /// Reports an operator with a blank on one side only, as in `10 -1`.
    fn lopsided(&self, operator: &Pair<Rule>, left: &Expr, right: &Expr) -> bool {
        let place = operator.as_span();
        let text = &self.part.text;
        let blank = |c: Option<char>| c.is_some_and(char::is_whitespace);
        let before = blank(text[..place.start()].chars().next_back());
        let after = text[place.end()..].trim_start_matches([' ', '\t', '\r']);
        let line_ends = after.starts_with(['\n', '#']);
        let after = blank(text[place.end()..].chars().next());
        let symbol = operator.as_str();
        if before == after || line_ends || symbol.starts_with(char::is_alphabetic) {
            return false;
        }
        let source = self.part.source;
        let (l, r) = (&source[left.span.range()], &source[right.span.range()]);
        let gap = Span { start: left.span.end, end: right.span.start, ..left.span };
        let found = Diagnostic::new(
            Code::AMBIGUOUS_OPERATOR,
            self.span(operator),
            format!("`{symbol}` has a blank on one side only"),
        );
        let joined = format!("{l} {symbol} {r}");
        if operator.as_rule() == Rule::dots && before {
            let part = format!("{l}[{symbol}{r}]");
            let found = found.help(format!("write `{part}` for a part of it, `{l}{symbol}{r}` for a range"));
            self.push(found.maybe_fix("take a part of it", left.span.to(right.span), part));
            return true;
        }
        let found = if symbol == "-" && before {
            let negative = format!("(-{r})");
            let found = found.help(format!("write `{joined}` for one value, `{l} {negative}` for two"));
            let found = found.maybe_fix("make it one value", gap, " - ");
            found.maybe_fix("make it two values", Span { end: right.span.end, ..gap }, format!(" {negative}"))
        } else {
            found.help(format!("write `{joined}`")).fix(format!("write `{joined}`"), gap, format!(" {symbol} "))
        };
        self.push(found.label(left.span.to(right.span), "one value or two?"));
        true
    }

    /// `a..b`; one side may be missing, or both
    fn range(&self, pair: Pair<Rule>, strict: bool) -> Built {
        let span = self.span(&pair);
        let (mut start, mut dots, mut end): (Option<Built>, Option<Pair<Rule>>, Option<Built>) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::dots => dots = Some(part),
                _ if dots.is_none() => start = Some(self.build(part)),
                _ => end = Some(self.build(part)),
            }
        }
        let Some(dots) = dots else {
            return start.unwrap_or_else(|| Built::leaf(Expr { kind: ExprKind::Error, span }));
        };
        if !strict && start.is_some() && self.ends_early(&dots) {
            end = None;
        }
        if let (Some(start), Some(end)) = (&start, &end)
            && strict
            && self.lopsided(&dots, &start.expr, &end.expr)
        {
            return Built::leaf(Expr { kind: ExprKind::Error, span });
        }
        let depth = start.as_ref().map_or(0, |s| s.depth).max(end.as_ref().map_or(0, |e| e.depth)) + 1;
        let inclusive = dots.as_str() == "..=";
        let boxed = |built: Option<Built>| built.map(|b| Box::new(b.expr));
        self.limited(Expr { kind: ExprKind::Range { start: boxed(start), end: boxed(end), inclusive }, span }, depth)
    }
}

impl Builder<'_> {
    /// Whether the bracket that is never closed should have been closed behind these dots: `layers[-2.. 30%`.
    fn ends_early(&self, dots: &Pair<Rule>) -> bool {
        let (place, text) = (dots.as_span(), &self.part.text);
        let blank = |c: Option<char>| c.is_some_and(char::is_whitespace);
        !blank(text[..place.start()].chars().next_back())
            && blank(text[place.end()..].chars().next())
            && self.blames_opener(self.part.end(place.end()))
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}

/// The operator that is written so; the grammar's rules `loose` and `tight` match no others.
fn binary_op(symbol: &str) -> BinaryOp {
    match symbol {
        "then" => BinaryOp::Then,
        "or" => BinaryOp::Or,
        "and" => BinaryOp::And,
        "==" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterEqual,
        "-" => BinaryOp::Subtract,
        "&" => BinaryOp::Intersect,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        _ => BinaryOp::Add,
    }
}
