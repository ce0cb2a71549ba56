//! Loops' variables: what waits for them, and what it is once they are known.

use crate::components::{Environment, Expression, Metric, Spec, Value};
use crate::language::program::{Due, Method, Op, Settings, Step, Trigger, When};

/// The loops' variables that are known, innermost last. Nothing is measured before the run, so values that need a
/// measurement stay unknown.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(u32, Value)>);

impl Variables {
    /// Enters a loop with one value of its variable.
    pub fn enter(&mut self, variable: u32, value: Value) {
        self.0.push((variable, value));
    }

    /// Leaves the innermost loop.
    pub fn leave(&mut self) {
        self.0.pop();
    }

    /// The value with everything filled in; `None` where it needs a measurement or a variable that isn't known.
    pub fn resolve(&mut self, value: &Value) -> Option<Value> {
        value.resolve(self).ok()
    }

    /// The component with everything filled in; itself where that can't be done yet.
    pub fn resolve_spec(&mut self, spec: &Spec) -> Spec {
        spec.resolve(self).unwrap_or_else(|_| spec.clone())
    }

    /// Whether a condition holds; `None` where that isn't known before the run.
    pub fn decide(&mut self, condition: &Expression) -> Option<bool> {
        match condition.value(self) {
            Ok(Value::Bool(b)) => Some(b),
            _ => None,
        }
    }
}

impl Environment for Variables {
    fn variable(&self, id: u32) -> Option<Value> {
        self.0.iter().rev().find(|(v, _)| *v == id).map(|(_, value)| value.clone())
    }

    fn metric(&mut self, _: &Metric) -> Option<f64> {
        None
    }

    fn holds(&mut self, _: &Spec) -> Option<bool> {
        None
    }
}

/// Whether what a body does may differ from one value of the variable to the next.
pub fn body_uses(body: &[Step], variable: u32) -> bool {
    body.iter().any(|step| step_uses(step, variable, true))
}

/// Whether what a body costs may differ from one value of the variable to the next: which weights a selector means
/// doesn't matter then.
pub fn cost_uses(body: &[Step], variable: u32) -> bool {
    body.iter().any(|step| step_uses(step, variable, false))
}

fn step_uses(step: &Step, id: u32, effects: bool) -> bool {
    let settings = |s: &Settings| settings_use(s, id, effects);
    let body_uses = |body: &[Step]| body.iter().any(|step| step_uses(step, id, effects));
    match &step.op {
        Op::Train(t) => {
            let due = |t: &Trigger| match &t.due {
                Due::Every(_) => false,
                Due::When { condition, settings: s } => expression_uses(condition, id) || settings(s),
            };
            value_uses(&t.duration, id)
                || settings(&t.settings)
                || t.triggers.iter().any(|t| due(t) || body_uses(&t.body))
        }
        Op::Forget(f) => {
            let target = Value::Selector(f.target.selector.clone());
            settings(&f.settings) || effects && [&f.share, &f.by, &f.to, &target].iter().any(|v| value_uses(v, id))
        }
        Op::Zap(z) => settings(&z.settings) || effects && value_uses(&Value::Selector(z.target.selector.clone()), id),
        Op::Evaluate(e) => e.metrics.iter().any(|m| spec_uses(&m.spec, id)) || settings(&e.settings),
        Op::Expect { condition, settings: s, .. } => expression_uses(condition, id) || settings(s),
        Op::If { condition, settings: s, then, otherwise } => {
            expression_uses(condition, id) || settings(s) || body_uses(then) || body_uses(otherwise)
        }
        Op::Guard(g) => expression_uses(&g.condition, id) || settings(&g.settings),
        Op::Repeat { until, body, .. } => {
            until.as_ref().is_some_and(|u| expression_uses(&u.condition, id) || settings(&u.settings))
                || body_uses(body)
        }
        Op::Block { body, .. } => body_uses(body),
        Op::For { values, body, .. } => values.iter().any(|v| value_uses(v, id)) || body_uses(body),
        Op::Schedule { schedule, .. } => effects && value_uses(schedule, id),
        Op::Load { settings: s, .. } | Op::Merge { settings: s, .. } => settings(s),
        Op::Protect(p) => match &p.by {
            Method::Fisher { settings: s, .. } => settings(s),
            _ => false,
        },
        Op::Checkpoint { .. } | Op::Rollback { .. } | Op::FreshOptimizer { .. } | Op::Stop | Op::Export { .. } => false,
    }
}

fn settings_use(s: &Settings, id: u32, effects: bool) -> bool {
    let measured = || s.measure.iter().flat_map(|m| &m.metrics).chain(&s.keep.best).any(|m| spec_uses(&m.spec, id));
    let trained = || [&s.data, &s.optimizer.spec].into_iter().chain(&s.augment).any(|spec| spec_uses(spec, id));
    let taught = || s.recall.iter().chain(s.memory.iter().map(|m| &m.spec)).any(|spec| spec_uses(spec, id));
    let learned = s.texts.learned.as_ref().is_some_and(|learned| value_uses(learned, id));
    learned || value_uses(&s.objective, id) || taught() || measured() || effects && trained()
}

fn spec_uses(spec: &Spec, id: u32) -> bool {
    spec.args.iter().any(|v| value_uses(v, id))
}

fn value_uses(value: &Value, id: u32) -> bool {
    let mut found = false;
    value.visit(&mut |leaf| found |= leaf_uses(leaf, id));
    found
}

fn expression_uses(e: &Expression, id: u32) -> bool {
    let mut found = false;
    e.visit(&mut |leaf| found |= leaf_uses(leaf, id));
    found
}

fn leaf_uses(leaf: &Expression, id: u32) -> bool {
    match leaf {
        Expression::Variable(variable, _) => *variable == id,
        Expression::Metric(m) => spec_uses(&m.spec, id),
        Expression::Holds(spec) => spec_uses(spec, id),
        _ => false,
    }
}

/// The metrics that an expression waits for.
pub fn metrics_in(e: &Expression) -> Vec<Metric> {
    let mut metrics = Vec::new();
    e.visit(&mut |leaf| {
        if let Expression::Metric(m) = leaf {
            metrics.push(m.clone());
        }
    });
    metrics
}

/// The metrics of all `measure … at: forget` in force.
pub fn measured_at_forget(settings: &Settings) -> Vec<Metric> {
    settings.measure.iter().filter(|m| m.when == When::AtForget).flat_map(|m| m.metrics.clone()).collect()
}
