//! All components within a value or an expression, also those that wait for run time.

use super::value::{Expression, Spec, Value};

impl Spec {
    /// Calls `f` with it and with each component in its arguments.
    pub fn each<'s>(&'s self, f: &mut dyn FnMut(&'s Spec)) {
        f(self);
        self.args.iter().for_each(|arg| arg.each_spec(f));
    }
}

impl Value {
    /// Calls `f` with each component in it, metrics and the data of tasks included.
    pub fn each_spec<'s>(&'s self, f: &mut dyn FnMut(&'s Spec)) {
        match self {
            Value::Component(spec) => spec.each(f),
            Value::Metric(metric) => metric.spec.each(f),
            Value::Task(task) => task.data.each(f),
            Value::List(items) => items.iter().for_each(|item| item.each_spec(f)),
            Value::Named(items) => items.iter().for_each(|(_, item)| item.each_spec(f)),
            Value::Later(expression, _) => expression.each_spec(f),
            _ => {}
        }
    }
}

impl Expression {
    /// Calls `f` with each component in it; not with those that are put together at run time only.
    pub fn each_spec<'s>(&'s self, f: &mut dyn FnMut(&'s Spec)) {
        match self {
            Expression::Constant(value) => value.each_spec(f),
            Expression::Variable(..) => {}
            Expression::Metric(metric) => metric.spec.each(f),
            Expression::Holds(spec) => spec.each(f),
            Expression::Negate(e) | Expression::Not(e) => e.each_spec(f),
            Expression::Binary(_, a, b) | Expression::Item(a, b) => {
                a.each_spec(f);
                b.each_spec(f);
            }
            Expression::List(items) | Expression::Component(_, items) => items.iter().for_each(|e| e.each_spec(f)),
        }
    }
}
