//! Expressions → values. What is known before the run is evaluated here; what isn't becomes [`Value::Later`].

use super::arguments::suggesting;
use super::context::Context;
use super::index::Sense;
use super::mismatch::blamed;
use super::scope::Meaning;
use super::suggest;
use crate::components::coerce::coerce;
use crate::components::describe::{Bounds, Family, Type};
use crate::components::metrics::{self, MetricUnit};
use crate::components::selector::{Index, Selector};
use crate::components::{Duration, Expression, Metric, Split, Unit, Value, arithmetic, catalogue, item};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::{Argument, BinaryOp, Expr, ExprKind, UnaryOp};
use std::fmt::Display;

/// A place that takes a value: how it is called in messages, and what it allows.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// "`share` of `forget`"
    pub what: &'p dyn Display,
    pub ty: &'p Type,
    pub bounds: Option<Bounds>,
}

impl<'a> Context<'a> {
    /// The value of an expression in a place; `None` after an error, which has been reported.
    pub fn value(&mut self, expr: &'a Expr, place: Place<'_>) -> Option<Value> {
        let raw = self.evaluate(expr, place.ty)?;
        let raw = self.as_tasks(raw, place.ty, expr.span)?;
        let list = matches!(expr.kind, ExprKind::List(_)).then(|| raw.clone());
        let value = match coerce(raw, place.ty) {
            Ok(value) => value,
            Err(mismatch) => {
                let (span, mismatch) = blamed(expr, list.as_ref(), place.ty, mismatch);
                self.mismatch(span, place, mismatch);
                return None;
            }
        };
        if let Value::Later(expression, ty) = &value {
            return self.try_later(expression, ty, expr.span, place).then_some(value);
        }
        self.within(&value, expr.span, place).then_some(value)
    }

    /// The value of an expression where `hint` is wanted, before it is fitted to it.
    pub fn evaluate(&mut self, expr: &'a Expr, hint: &Type) -> Option<Value> {
        match &expr.kind {
            ExprKind::Int(i) => Some(Value::Int(*i)),
            ExprKind::Real(r) => Some(Value::Real(*r)),
            ExprKind::Percent(p) => Some(Value::Real(percent(*p))),
            ExprKind::Quantity { number, unit } => self.quantity(number, &unit.text, unit.span),
            ExprKind::Text(t) => Some(Value::Text(t.clone())),
            ExprKind::Bool(b) => Some(Value::Bool(*b)),
            ExprKind::Name(name) => self.name(name, expr.span, hint),
            ExprKind::Call { callee, arguments } => self.call(callee, arguments, expr.span, hint),
            ExprKind::Field { base, name } => {
                if matches!(base.kind, ExprKind::Error) {
                    return None;
                }
                let split = self.sources.text(base.span).to_string();
                self.metric_of_split((&split, base.span), (&name.text, name.span), &[], expr.span)
            }
            ExprKind::Index { base, index } => self.index(base, index),
            ExprKind::List(entries) => self.list(entries, hint),
            ExprKind::Range { start, end, inclusive } => self.range(start.as_deref(), end.as_deref(), *inclusive),
            ExprKind::Unary { op, operand } => self.unary(*op, operand),
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, expr.span, hint),
            ExprKind::Paren(inner) => self.evaluate(inner, without_words(hint)),
            ExprKind::Error => None,
        }
    }

    fn quantity(&mut self, number: &Expr, unit: &str, span: Span) -> Option<Value> {
        let Some(unit) = unit_of(unit) else {
            let one = matches!(number.kind, ExprKind::Int(1));
            self.unknown_unit(unit, span, one);
            return None;
        };
        self.index.means(span, Sense::Unit(unit));
        let n = match &number.kind {
            ExprKind::Int(i) => *i as f64,
            ExprKind::Real(r) => *r,
            ExprKind::Error => return None,
            _ => {
                self.error(Code::WRONG_UNIT, number.span, "a duration is a number and a unit, such as `10 epochs`");
                return None;
            }
        };
        Some(Value::Duration(match unit {
            Unit::Epochs => Duration::Epochs(n),
            Unit::Seconds => Duration::Seconds(n),
            Unit::Minutes => Duration::Seconds(n * 60.0),
            Unit::Hours => Duration::Seconds(n * 3600.0),
            Unit::Steps if n.fract() == 0.0 && (0.0..1e15).contains(&n) => Duration::Steps(n as u64),
            Unit::Steps => {
                let d = Diagnostic::new(Code::WRONG_UNIT, number.span, "steps are counted in whole numbers");
                self.report(d.help("epochs may be fractional: `0.5 epochs`"));
                return None;
            }
        }))
    }

    fn name(&mut self, name: &str, span: Span, hint: &Type) -> Option<Value> {
        if words_of(hint).any(|w| w == name) {
            self.index.means(span, Sense::Choice);
            return Some(Value::Word(name.to_string()));
        }
        if let Some(binding) = self.scopes.get(name) {
            self.index.used(span, binding.span);
            return match &binding.meaning {
                Meaning::Value(value) => value.clone(),
                Meaning::Phase(_) => {
                    let place = binding.span;
                    let d = Diagnostic::new(Code::WRONG_TYPE, span, format!("`{name}` is a phase, not a value"));
                    self.report(d.label(place, "defined here").help(format!("run it with a statement: `{name}()`")));
                    None
                }
            };
        }
        if let Some(member) = families_of(hint).find_map(|f| catalogue::find(f, name)) {
            self.index.means(span, Sense::Member(member));
            return self.component(member, &[], span);
        }
        if let Some(selector) = selector_word(name) {
            self.index.means(span, Sense::Selector);
            return Some(Value::Selector(selector));
        }
        if let Some(member) = catalogue::find(Family::Metric, name) {
            self.index.means(span, Sense::Member(member));
            return self.component(member, &[], span).map(as_metric);
        }
        if let Some(member) = self.any_member(name) {
            self.index.means(span, Sense::Member(member));
            return self.component(member, &[], span);
        }
        self.unknown_name(name, span, hint);
        None
    }

    /// A component of that name in any family.
    pub fn any_member(&self, name: &str) -> Option<&'static crate::components::Member> {
        Family::ALL.iter().find_map(|f| catalogue::find(*f, name))
    }

    /// `validation.clean`, `test.robust(attack)`
    pub fn metric_of_split(
        &mut self,
        (split, split_span): (&str, Span),
        (name, name_span): (&str, Span),
        arguments: &'a [Argument],
        span: Span,
    ) -> Option<Value> {
        let Some(split) = split_of(split) else {
            let metrics = "metrics are `train.…`, `validation.…` or `test.…`";
            self.report(unknown_split(Code::UNKNOWN_NAME, split, split_span, metrics));
            return None;
        };
        self.index.means(split_span, Sense::Split(split));
        let Some(member) = catalogue::find(Family::Metric, name) else {
            if catalogue::find(Family::Condition, name).is_some() {
                let d = Diagnostic::new(Code::WRONG_TYPE, span, format!("`{name}` is a condition, and of no split"));
                self.report(d.help(format!("name the split of its metric: `{name}({}.clean, …)`", split.name())));
                return None;
            }
            self.unknown_component(name, name_span, Family::Metric, &[]);
            return None;
        };
        self.index.means(name_span, Sense::Member(member));
        let value = self.component(member, arguments, span)?;
        match as_metric(value) {
            Value::Metric(m) => Some(Value::Metric(Metric { split: Some(split), spec: m.spec })),
            other => Some(other),
        }
    }

    fn index(&mut self, base: &'a Expr, index: &'a Expr) -> Option<Value> {
        if let ExprKind::Name(name) = &base.kind
            && self.scopes.get(name).is_none()
        {
            let make: Option<fn(Index) -> Selector> = match name.as_str() {
                "layers" => Some(Selector::Layers),
                "blocks" => Some(Selector::Blocks),
                "head" => Some(Selector::Head),
                _ => None,
            };
            if let Some(make) = make {
                self.index.means(base.span, Sense::Selector);
                return self.selector_index(index).map(|i| Value::Selector(make(i)));
            }
            if selector_word(name).is_some() {
                let d = Diagnostic::new(Code::WRONG_TYPE, index.span, format!("`{name}` has no index"));
                self.report(d.help("`layers`, `blocks` and `head` have one"));
                return None;
            }
        }
        let list = self.evaluate(base, &Type::Any)?;
        let list = self.as_tasks(list, &Type::Tasks, base.span)?;
        let at = self.evaluate(index, &Type::Int)?;
        if list.waits() || at.waits() {
            return Some(Value::Later(Box::new(Expression::Item(waiting(list).into(), waiting(at).into())), Type::Any));
        }
        let list = match list.range_items() {
            Some(items) => Value::List(items),
            None => list,
        };
        match item(&list, &at) {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(Code::WRONG_TYPE, index.span, message);
                None
            }
        }
    }

    fn selector_index(&mut self, index: &'a Expr) -> Option<Index> {
        let whole = Place { what: &"an index", ty: &Type::Int, bounds: None };
        if let ExprKind::Range { start, end, inclusive } = &index.kind {
            let mut bound = |e: &'a Option<Box<Expr>>| match e {
                None => Some(None),
                Some(e) => Some(Some(Box::new(waiting(self.value(e, whole)?)))),
            };
            let (start, end) = (bound(start)?, bound(end)?);
            return Some(Index::Slice { start, end, inclusive: *inclusive });
        }
        Some(Index::One(Box::new(waiting(self.value(index, whole)?))))
    }

    fn list(&mut self, entries: &'a [Argument], hint: &Type) -> Option<Value> {
        let entry = entry_type(hint);
        let values: Vec<Option<Value>> = entries.iter().map(|e| self.evaluate(&e.value, entry)).collect();
        let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
        if entries.iter().any(|e| e.name.is_some()) {
            let names = entries.iter().map(|e| e.name.as_ref().map_or(String::new(), |n| n.text.clone()));
            return Some(Value::Named(names.zip(values).collect()));
        }
        Some(Value::List(values))
    }

    fn range(&mut self, start: Option<&'a Expr>, end: Option<&'a Expr>, inclusive: bool) -> Option<Value> {
        let whole = Place { what: &"the end of a range", ty: &Type::Int, bounds: None };
        let mut bound = |e: Option<&'a Expr>| match e {
            None => Some(None),
            Some(e) => match self.value(e, whole)? {
                Value::Int(i) => Some(Some(i)),
                _ => {
                    self.error(Code::WRONG_TYPE, e.span, "the ends of a range must be known before the run");
                    None
                }
            },
        };
        let (start, end) = (bound(start)?, bound(end)?);
        Some(Value::Range { start, end, inclusive })
    }

    fn unary(&mut self, op: UnaryOp, operand: &'a Expr) -> Option<Value> {
        let value = self.evaluate(operand, &Type::Any)?;
        if waits(&value) {
            let inner = Box::new(waiting(value));
            let expression = match op {
                UnaryOp::Negate => Expression::Negate(inner),
                UnaryOp::Not => Expression::Not(inner),
            };
            return Some(Value::Later(Box::new(expression), Type::Any));
        }
        let result = match (op, &value) {
            (UnaryOp::Negate, v) => arithmetic::negate(v),
            (UnaryOp::Not, Value::Bool(b)) => Ok(Value::Bool(!b)),
            (UnaryOp::Not, v) => Err(format!("`not` needs a condition, not {}", v.kind())),
        };
        self.or_report(result, operand.span)
    }

    fn binary(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr, span: Span, hint: &Type) -> Option<Value> {
        if op == BinaryOp::Then {
            return self.then(left, right);
        }
        if op == BinaryOp::Subtract && self.hyphenated(left, right, hint) {
            return None;
        }
        let is_set = matches!(op, BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Intersect);
        let inner = if is_set && hint_takes_selector(hint) { &Type::Selector } else { &Type::Any };
        let (a, b) = (self.evaluate(left, inner), self.evaluate(right, inner));
        let (a, b) = (a?, b?);
        self.settled_metric(&a, left.span)?;
        self.settled_metric(&b, right.span)?;
        self.plausible_comparison(op, (&a, left), (&b, right))?;
        if waits(&a) || waits(&b) {
            let (a, b) = (Box::new(waiting(a)), Box::new(waiting(b)));
            return Some(Value::Later(Box::new(Expression::Binary(op, a, b)), Type::Any));
        }
        let schedule = |v: &Value| matches!(v, Value::Component(spec) if spec.member.family == Family::Schedule);
        if op == BinaryOp::Add && schedule(&a) && schedule(&b) {
            let d = Diagnostic::new(Code::BAD_ARITHMETIC, span, "schedules are not added");
            self.report(d.help("write `then` for one after the other: `lr warmup(5%) then cosine`"));
            return None;
        }
        let result = self.or_report(arithmetic::binary(op, &a, &b), span);
        match result {
            Some(Value::Real(n)) => self.index.number(span, n),
            Some(Value::Int(n)) => self.index.number(span, n as f64),
            _ => {}
        }
        result
    }

    fn then(&mut self, left: &'a Expr, right: &'a Expr) -> Option<Value> {
        if matches!(right.kind, ExprKind::Error) {
            return None;
        }
        let schedule = Type::Component(Family::Schedule);
        let place = Place { what: &"`then`", ty: &schedule, bounds: None };
        let (first, second) = (self.value(left, place), self.value(right, place));
        let member = catalogue::find(Family::Schedule, "then").expect("`then` is a member of the schedules");
        Some(Value::Component(crate::components::Spec { member, args: vec![first?, second?] }))
    }

    /// `clean > 85` can never hold: accuracies lie in 0..=1.
    fn plausible_comparison(&mut self, op: BinaryOp, a: (&Value, &Expr), b: (&Value, &Expr)) -> Option<()> {
        use BinaryOp::*;
        if !matches!(op, Less | LessEqual | Greater | GreaterEqual | Equal | NotEqual) {
            return Some(());
        }
        let (metric, (number, expr)) = match (a.0, b.0) {
            (Value::Metric(m), _) => (m, b),
            (_, Value::Metric(m)) => (m, a),
            _ => return Some(()),
        };
        let metrics::MetricInfo { bounds, unit, .. } = metrics::describe(&metric.spec);
        if unit == MetricUnit::Share && bounds.max.is_infinite() {
            return self.plausible_ratio(metric, number, expr);
        }
        let outside = |(with, number): (String, Value)| {
            let n = match number {
                Value::Int(i) => i as f64,
                Value::Real(r) => r,
                _ => return None,
            };
            (!(bounds.min..=bounds.max).contains(&n)).then_some((with, n))
        };
        let Some((with, n)) = self.rounds(number).into_iter().find_map(outside) else { return Some(()) };
        let range = format!("between {}% and {}%", bounds.min * 100.0, bounds.max * 100.0);
        let range = if bounds.max.is_finite() { range } else { format!("at least {}", bounds.min) };
        let mut d =
            Diagnostic::new(Code::OUT_OF_RANGE, expr.span, format!("{with}`{metric}` is always {range}, never {n}"));
        if with.is_empty() && (1.0..=100.0).contains(&n) && bounds.max == 1.0 {
            d = match self.sources.text(expr.span).ends_with('%') {
                true => d.help("`100%` is all of it"),
                false => {
                    self.instead(d.help(format!("did you mean {n}%?")), expr.span, format!("{n}%"), Applicability::Safe)
                }
            };
        }
        self.report(d);
        None
    }

    /// `retention(old) > 95`: a ratio may be above 1, but a whole number is hardly meant as one.
    fn plausible_ratio(&mut self, metric: &Metric, number: &Value, expr: &Expr) -> Option<()> {
        let whole = |(_, number)| match number {
            Value::Int(n) if !(0..=1).contains(&n) => Some(n),
            _ => None,
        };
        let Some(n) = self.rounds(number).into_iter().find_map(whole) else { return Some(()) };
        let message = format!("`{metric}` is a share: is {n} meant as {n}% or as {n} times what it was?");
        let d = Diagnostic::new(Code::BARE_SHARE, expr.span, message).help(format!("write `{n}%` or `{n}.0`"));
        self.report(self.instead(d, expr.span, format!("{n}%"), Applicability::Unsafe));
        None
    }

    fn or_report(&mut self, result: Result<Value, String>, span: Span) -> Option<Value> {
        result.map_err(|message| self.error(Code::BAD_ARITHMETIC, span, message)).ok()
    }

    /// Whether a value lies within what its place allows; reports it if not.
    fn within(&mut self, value: &Value, span: Span, place: Place<'_>) -> bool {
        match out_of_bounds(value, place.bounds) {
            None => true,
            Some(message) => {
                let d = Diagnostic::new(Code::OUT_OF_RANGE, span, format!("{} {message}", place.what));
                self.report(match end_left_out(value, place.bounds) {
                    Some(end) => d.help(format!("a range leaves its end out: write `..={end}` to have it too")),
                    None => d,
                });
                false
            }
        }
    }
}

/// Why a number (or each of a list) lies outside the bounds.
pub(super) fn out_of_bounds(value: &Value, bounds: Option<Bounds>) -> Option<String> {
    let bounds = bounds?;
    let n = match value {
        Value::Int(i) => *i as f64,
        Value::Real(r) => *r,
        Value::List(items) => return items.iter().find_map(|v| out_of_bounds(v, Some(bounds))),
        _ => return None,
    };
    let high_enough = if bounds.above { n > bounds.min } else { n >= bounds.min };
    let low_enough = if bounds.below { n < bounds.max } else { n <= bounds.max };
    if high_enough && low_enough {
        return None;
    }
    let Bounds { min, max, .. } = bounds;
    let least = if bounds.above { format!("above {min}") } else { format!("at least {min}") };
    let most = if bounds.below { format!("below {max}") } else { format!("at most {max}") };
    Some(match (min.is_finite(), max.is_finite()) {
        (true, true) if !bounds.above && !bounds.below => format!("is between {min} and {max}, not {n}"),
        (true, true) => format!("is {least} and {most}, not {n}"),
        (false, true) => format!("is {most}, not {n}"),
        _ => format!("is {least}, not {n}"),
    })
}

/// The end of a range without its end, where it is the value.
fn end_left_out(value: &Value, bounds: Option<Bounds>) -> Option<i64> {
    match (value, bounds?) {
        (Value::Int(n), Bounds { below: true, max, .. }) if *n as f64 == max => Some(*n),
        _ => None,
    }
}

/// 30 % is 0.3 as written in decimal, not 30.0 · 0.01.
fn percent(p: f64) -> f64 {
    p / 100.0
}

pub(super) fn unit_of(word: &str) -> Option<Unit> {
    super::vocabulary::UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit)
}

pub(super) fn split_of(word: &str) -> Option<Split> {
    [Split::Train, Split::Validation, Split::Test].into_iter().find(|s| s.name() == word)
}

/// For a word that is no split: with the one that it means, or with `help`.
pub(super) fn unknown_split(code: Code, word: &str, span: Span, help: &str) -> Diagnostic {
    const SPLITS: [&str; 3] = ["train", "validation", "test"];
    let d = Diagnostic::new(code, span, format!("`{word}` is no split of the data"));
    if let Some(ours) = suggest::foreign_choice(word, &SPLITS) {
        return d.help(format!("did you mean `{ours}`?")).fix(format!("replace with `{ours}`"), span, ours);
    }
    let d = suggesting(d, word, span, SPLITS);
    if d.help.is_some() { d } else { d.help(help) }
}

/// A selector that is a word by itself.
pub(super) fn selector_word(word: &str) -> Option<Selector> {
    use crate::components::selector::Kind;
    Some(match word {
        "all" => Selector::All,
        "layers" => Selector::Layers(Index::All),
        "blocks" => Selector::Blocks(Index::All),
        "head" => Selector::Head(Index::All),
        _ => Selector::Kind(Kind::ALL.into_iter().find(|k| k.word() == word)?),
    })
}

/// Metrics stand as [`Value::Metric`], also where they were made as components.
pub(super) fn as_metric(value: Value) -> Value {
    match value {
        Value::Component(spec) if spec.member.family == Family::Metric => Value::Metric(Metric { split: None, spec }),
        other => other,
    }
}

/// Whether an operation on it has to wait for run time.
fn waits(value: &Value) -> bool {
    matches!(value, Value::Metric(_) | Value::Later(..)) || (matches!(value, Value::List(_)) && value.waits())
}

/// The value as a leaf of a waiting expression.
pub(super) fn waiting(value: Value) -> Expression {
    match value {
        Value::Later(e, _) => *e,
        Value::Metric(m) => Expression::Metric(m),
        Value::List(items) if items.iter().any(Value::waits) => {
            Expression::List(items.into_iter().map(waiting).collect())
        }
        other => Expression::Constant(other),
    }
}

/// The words that a type lists.
pub fn words_of(ty: &Type) -> Box<dyn Iterator<Item = &'static str>> {
    match *ty {
        Type::Word(list) => Box::new(list.iter().copied()),
        Type::OneOf(types) => Box::new(types.iter().flat_map(words_of)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The families whose components a type takes.
pub fn families_of(ty: &Type) -> Box<dyn Iterator<Item = Family>> {
    match *ty {
        Type::Component(family) => Box::new(std::iter::once(family)),
        Type::OneOf(types) => Box::new(types.iter().flat_map(families_of)),
        Type::Metric => Box::new(std::iter::once(Family::Metric)),
        _ => Box::new(std::iter::empty()),
    }
}

fn hint_takes_selector(ty: &Type) -> bool {
    match *ty {
        Type::Selector => true,
        Type::OneOf(types) => types.iter().any(hint_takes_selector),
        _ => false,
    }
}

/// The type of a list's entries where the list is wanted.
fn entry_type(ty: &Type) -> &'static Type {
    match *ty {
        Type::List(entry) => entry,
        Type::OneOf(types) => types.iter().map(entry_type).find(|t| **t != Type::Any).unwrap_or(&Type::Any),
        _ => &Type::Any,
    }
}

/// In brackets a name is a variable, also where it is one of the place's words.
fn without_words(ty: &Type) -> &Type {
    match ty {
        Type::Word(_) => &Type::Any,
        other => other,
    }
}
