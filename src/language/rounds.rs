//! The rounds of loops: what depends on their variables is tried before the run with every value that they take.

use super::context::{Context, Fixed, LoopVariable};
use super::values::{Place, out_of_bounds};
use crate::components::coerce::coerce;
use crate::components::{Environment, Expression, Metric, Spec, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Values of loop variables that are tried one by one; beyond, only the first and the last of each loop.
const MOST_TRIED: usize = 10_000;

/// The same of all expressions of a program together.
const MOST_TRIED_IN_ALL: usize = 1_000_000;

/// What metrics are taken to be when a condition is tried. No difference or quotient of such numbers that people write
/// comes to zero.
const MEASURED: f64 = 0.414_213_562_373;

/// Loop variables at fixed values, and something for each metric: whether a condition is one is known before the run.
struct Tried<'v>(Fixed<'v>);

impl Environment for Tried<'_> {
    fn variable(&self, id: u32) -> Option<Value> {
        self.0.variable(id)
    }

    fn metric(&mut self, _: &Metric) -> Option<f64> {
        Some(MEASURED)
    }

    fn holds(&mut self, _: &Spec) -> Option<bool> {
        Some(true)
    }
}

impl Context<'_> {
    /// Tries an expression with every value its loop variables take.
    pub(super) fn try_later(&mut self, expression: &Expression, ty: &Type, span: Span, place: Place<'_>) -> bool {
        let (mut ids, mut measured) = (Vec::new(), false);
        expression.visit(&mut |e| match e {
            Expression::Variable(id, _) if !ids.contains(id) => ids.push(*id),
            e => measured |= e.is_of_the_run(),
        });
        if let (Expression::Holds(_), false) = (expression, matches!(ty, Type::Condition | Type::Bool | Type::Any)) {
            let message = format!("{} takes {}, not a condition", place.what, ty.describe());
            let d = Diagnostic::new(Code::WRONG_TYPE, span, message);
            self.report(d.help("conditions stand in `if`, `when`, `until`, `guard` and `expect`"));
            return false;
        }
        if measured && !matches!(ty, Type::Condition | Type::Bool | Type::Any) {
            let d = Diagnostic::new(Code::UNKNOWN_TIME, span, format!("{} must be known before the run", place.what));
            self.report(d.help("metrics may stand in conditions only"));
            return false;
        }
        for choice in self.choices(&ids) {
            let with = in_words(&choice);
            let help = unlisted(&choice);
            let mut now = Tried(Fixed(choice.into_iter().map(|(l, v)| (l.id, v)).collect()));
            let found = expression.value(&mut now).map_err(|message| format!("{with}{message}")).and_then(|v| {
                let typed = match (&v, ty) {
                    (Value::Int(_) | Value::Real(_), _) if measured && *ty != Type::Any => {
                        Err(format!("takes {}, not a number", ty.describe()))
                    }
                    _ => coerce(v, ty).map_err(|m| m.to_string()),
                };
                let within = typed.and_then(|v| out_of_bounds(&v, place.bounds).map_or(Ok(()), Err));
                within.map_err(|message| format!("{with}{} {message}", place.what))
            });
            if let Err(message) = found {
                let d = Diagnostic::new(Code::WRONG_TYPE, span, message);
                self.report(if let Some(help) = help { d.help(help) } else { d });
                return false;
            }
        }
        true
    }

    /// What a value is in each round of the loops that decide it, with these rounds in words; itself where none does.
    /// Rounds in which it has no value have been reported where it was read.
    pub(super) fn rounds(&self, value: &Value) -> Vec<(String, Value)> {
        if !value.waits() {
            return vec![(String::new(), value.clone())];
        }
        let resolved = |choice: Vec<(&LoopVariable, &Value)>| {
            let with = in_words(&choice);
            let mut now = Fixed(choice.into_iter().map(|(l, v)| (l.id, v)).collect());
            Some((with, value.resolve(&mut now).ok()?))
        };
        self.choices(&variables(value)).into_iter().filter_map(resolved).collect()
    }

    /// Refuses a metric that is another one in each round: what is measured is part of the plan.
    pub(super) fn settled_metric(&mut self, value: &Value, span: Span) -> Option<()> {
        let Value::Later(expression, _) = value else { return Some(()) };
        let chosen = matches!(**expression, Expression::Variable(..) | Expression::Item(..));
        if !chosen || !self.rounds(value).iter().any(|(_, v)| matches!(v, Value::Metric(_))) {
            return Some(());
        }
        let d =
            Diagnostic::new(Code::WRONG_TYPE, span, "which metric is meant must be the same in each round of a loop");
        self.report(d.help("write the rounds out, each with its metric, such as `clean`"));
        None
    }

    /// All values that these loop variables take together; of too many, only the ends of each loop.
    fn choices(&self, ids: &[u32]) -> Vec<Vec<(&LoopVariable, &Value)>> {
        let loops: Vec<_> = self.loops.iter().filter(|l| ids.contains(&l.id)).collect();
        let total = loops.iter().fold(1usize, |n, l| n.saturating_mul(l.values.len()));
        let all = total <= MOST_TRIED && self.tried.get().saturating_add(total) <= MOST_TRIED_IN_ALL;
        let picks = |l: &LoopVariable, so_far: usize| match l.values.len() {
            n if all => (0..n).collect::<Vec<_>>(),
            n if so_far < MOST_TRIED => vec![0, n - 1],
            _ => vec![0],
        };
        let mut choices: Vec<Vec<(&LoopVariable, &Value)>> = vec![Vec::new()];
        for l in loops {
            let picked = picks(l, choices.len());
            let longer =
                |c: &Vec<(_, _)>| picked.iter().map(|i| [&c[..], &[(l, &l.values[*i])]].concat()).collect::<Vec<_>>();
            choices = choices.iter().flat_map(longer).collect();
        }
        self.tried.set(self.tried.get() + choices.len());
        choices
    }
}

/// The loop variables that a value waits for.
fn variables(value: &Value) -> Vec<u32> {
    let mut ids = Vec::new();
    value.visit(&mut |e| match e {
        Expression::Variable(id, _) if !ids.contains(id) => ids.push(*id),
        _ => {}
    });
    ids
}

/// "with `rate` = 3, ", before what is wrong then; nothing where no loop decides.
fn in_words(choice: &[(&LoopVariable, &Value)]) -> String {
    let with: Vec<_> = choice.iter().map(|(l, v)| format!("`{}` = {}", l.name, shown(v))).collect();
    if with.is_empty() { String::new() } else { format!("with {}, ", with.join(", ")) }
}

/// `for i in [1..3]` has one round, in which `i` is the range: help for who wants its numbers.
fn unlisted(choice: &[(&LoopVariable, &Value)]) -> Option<String> {
    choice.iter().find_map(|(l, v)| match (&l.values[..], v) {
        ([_], Value::Range { start: Some(_), end: Some(_), .. }) => {
            Some(format!("for its numbers, one a round, write `for {} in {}`", l.name, shown(v)))
        }
        _ => None,
    })
}

/// A value of a loop's variable, as it is written, components in short.
fn shown(value: &Value) -> String {
    match value {
        Value::None => "none".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Real(r) => r.to_string(),
        Value::Word(w) => w.clone(),
        Value::Text(text) => format!("{text:?}"),
        Value::Metric(metric) => metric.to_string(),
        Value::Task(task) => task.to_string(),
        Value::Component(spec) => spec.name().to_string(),
        Value::Selector(selector) => selector.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Named(items) => {
            let entries: Vec<_> = items.iter().map(|(name, v)| format!("{name}: {}", shown(v))).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Range { start, end, inclusive } => {
            let [start, end] = [start, end].map(|n| n.map_or(String::new(), |n| n.to_string()));
            format!("{start}..{}{end}", if *inclusive { "=" } else { "" })
        }
        Value::Later(expression, _) => expression.to_string(),
    }
}
