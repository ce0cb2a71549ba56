//! Expressions that wait for run time: how they print, and how they get their value.

use super::arithmetic::{binary, negate};
use super::coerce::coerce;
use super::selector::{Index, Selector};
use super::value::{Expression, Metric, Spec, Value};
use std::fmt;

/// Where waiting expressions get their leaves from.
pub trait Environment {
    /// The present value of a loop's variable.
    fn variable(&self, id: u32) -> Option<Value>;
    /// The value of a metric at this point of training; `None` where it could not be measured (the environment
    /// keeps the reason).
    fn metric(&mut self, metric: &Metric) -> Option<f64>;
    /// Whether a condition on the run's past holds at this point of training; `None` where nothing is known of it.
    fn holds(&mut self, condition: &Spec) -> Option<bool>;
}

impl Expression {
    /// Its value now. The message of an error is in the user's words.
    pub fn value(&self, now: &mut dyn Environment) -> Result<Value, String> {
        Ok(match self {
            Expression::Constant(v) => v.resolve(now)?,
            Expression::Variable(id, name) => {
                now.variable(*id).ok_or_else(|| format!("`{name}` has no value outside its loop"))?
            }
            Expression::Metric(m) => {
                let m = Metric { split: m.split, spec: m.spec.resolve(now)? };
                Value::Real(now.metric(&m).ok_or_else(|| format!("`{m}` could not be measured"))?)
            }
            Expression::Holds(spec) => {
                let spec = spec.resolve(now)?;
                Value::Bool(now.holds(&spec).ok_or_else(|| format!("nothing is known of `{}`", spec.name()))?)
            }
            Expression::Negate(e) => negate(&e.value(now)?)?,
            Expression::Not(e) => match e.value(now)? {
                Value::Bool(b) => Value::Bool(!b),
                _ => return Err("`not` needs a condition".into()),
            },
            Expression::Binary(op, a, b) => binary(*op, &a.value(now)?, &b.value(now)?)?,
            Expression::Item(list, index) => item(&list.value(now)?, &index.value(now)?)?,
            Expression::List(items) => Value::List(items.iter().map(|e| e.value(now)).collect::<Result<_, _>>()?),
            Expression::Component(member, args) => {
                let values = args.iter().map(|e| e.value(now)).collect::<Result<Vec<_>, _>>()?;
                let typed = member.params.iter().zip(values).map(|(p, v)| match v {
                    Value::None => Ok(Value::None),
                    v => coerce(v, &p.ty).map_err(|m| format!("{}({}: …) {m}", member.name, p.name)),
                });
                Value::Component(Spec { member, args: typed.collect::<Result<_, _>>()? })
            }
        })
    }

    /// Whether it is known only once a run has measured something.
    pub fn is_of_the_run(&self) -> bool {
        matches!(self, Expression::Metric(_) | Expression::Holds(_))
    }

    /// Calls `f` with each loop variable and each leaf that is [of the run](Expression::is_of_the_run).
    pub fn visit(&self, f: &mut dyn FnMut(&Expression)) {
        match self {
            Expression::Variable(..) => f(self),
            Expression::Metric(Metric { spec, .. }) | Expression::Holds(spec) => {
                f(self);
                spec.args.iter().for_each(|arg| arg.visit(f));
            }
            Expression::Constant(v) => v.visit(f),
            Expression::Negate(e) | Expression::Not(e) => e.visit(f),
            Expression::Binary(_, a, b) | Expression::Item(a, b) => {
                a.visit(f);
                b.visit(f);
            }
            Expression::List(items) | Expression::Component(_, items) => items.iter().for_each(|e| e.visit(f)),
        }
    }
}

/// `list[index]`, negative indices from the end.
pub fn item(list: &Value, index: &Value) -> Result<Value, String> {
    let (Value::List(items), Value::Int(i)) = (list, index) else {
        return Err("an index needs a list and a whole number".into());
    };
    let n = items.len() as i64;
    let at = if *i < 0 { i + n } else { *i };
    let count = format!("{n} {}", if n == 1 { "entry" } else { "entries" });
    usize::try_from(at)
        .ok()
        .and_then(|at| items.get(at))
        .cloned()
        .ok_or(format!("index {i} is outside a list of {count}"))
}

impl Value {
    /// The value with everything that waited filled in.
    pub fn resolve(&self, now: &mut dyn Environment) -> Result<Value, String> {
        Ok(match self {
            Value::Later(e, ty) => coerce(e.value(now)?, ty).map_err(|m| m.to_string())?,
            Value::List(items) => Value::List(items.iter().map(|v| v.resolve(now)).collect::<Result<_, _>>()?),
            Value::Named(items) => Value::Named(
                items.iter().map(|(n, v)| Ok((n.clone(), v.resolve(now)?))).collect::<Result<_, String>>()?,
            ),
            Value::Component(spec) => Value::Component(spec.resolve(now)?),
            Value::Metric(m) => Value::Metric(Metric { split: m.split, spec: m.spec.resolve(now)? }),
            Value::Selector(s) => Value::Selector(s.resolve(now)?),
            other => other.clone(),
        })
    }

    /// Calls `f` with each loop variable and each measurement that it waits for.
    pub fn visit(&self, f: &mut dyn FnMut(&Expression)) {
        match self {
            Value::Later(e, _) => e.visit(f),
            Value::List(items) => items.iter().for_each(|v| v.visit(f)),
            Value::Named(items) => items.iter().for_each(|(_, v)| v.visit(f)),
            Value::Component(spec) => spec.args.iter().for_each(|v| v.visit(f)),
            Value::Metric(m) => m.spec.args.iter().for_each(|v| v.visit(f)),
            Value::Selector(s) => s.visit(f),
            _ => {}
        }
    }

    /// Whether something in it is known at run time only.
    pub fn waits(&self) -> bool {
        let mut found = false;
        self.visit(&mut |_| found = true);
        found
    }
}

impl Spec {
    pub fn resolve(&self, now: &mut dyn Environment) -> Result<Spec, String> {
        let args = self.args.iter().map(|v| v.resolve(now)).collect::<Result<_, _>>()?;
        Ok(Spec { member: self.member, args })
    }
}

impl Selector {
    pub fn resolve(&self, now: &mut dyn Environment) -> Result<Selector, String> {
        let mut pair =
            |a: &Selector, b: &Selector| Ok::<_, String>((Box::new(a.resolve(now)?), Box::new(b.resolve(now)?)));
        Ok(match self {
            Selector::Union(a, b) => pair(a, b).map(|(a, b)| Selector::Union(a, b))?,
            Selector::Difference(a, b) => pair(a, b).map(|(a, b)| Selector::Difference(a, b))?,
            Selector::Intersection(a, b) => pair(a, b).map(|(a, b)| Selector::Intersection(a, b))?,
            Selector::Layers(i) => Selector::Layers(i.resolve(now)?),
            Selector::Blocks(i) => Selector::Blocks(i.resolve(now)?),
            Selector::Head(i) => Selector::Head(i.resolve(now)?),
            other => other.clone(),
        })
    }

    fn visit(&self, f: &mut dyn FnMut(&Expression)) {
        match self {
            Selector::Union(a, b) | Selector::Difference(a, b) | Selector::Intersection(a, b) => {
                a.visit(f);
                b.visit(f);
            }
            Selector::Layers(i) | Selector::Blocks(i) | Selector::Head(i) => match i {
                Index::All => {}
                Index::One(e) => e.visit(f),
                Index::Slice { start, end, .. } => start.iter().chain(end).for_each(|e| e.visit(f)),
            },
            Selector::All | Selector::Params(_) | Selector::Kind(_) => {}
        }
    }
}

impl Index {
    fn resolve(&self, now: &mut dyn Environment) -> Result<Index, String> {
        let mut constant = |e: &Expression| Ok::<_, String>(Box::new(Expression::Constant(e.value(now)?)));
        Ok(match self {
            Index::All => Index::All,
            Index::One(e) => Index::One(constant(e)?),
            Index::Slice { start, end, inclusive } => Index::Slice {
                start: start.as_deref().map(&mut constant).transpose()?,
                end: end.as_deref().map(&mut constant).transpose()?,
                inclusive: *inclusive,
            },
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Constant(v) => write!(f, "{}", v.to_json()),
            Expression::Variable(_, name) => f.write_str(name),
            Expression::Metric(m) => write!(f, "{m}"),
            Expression::Holds(spec) => {
                let args = spec.args.iter().map(|arg| match arg {
                    Value::Metric(m) => m.to_string(),
                    Value::Duration(d) => d.to_string(),
                    Value::Later(e, _) => e.to_string(),
                    other => other.to_json().to_string(),
                });
                write!(f, "{}({})", spec.name(), args.collect::<Vec<_>>().join(", "))
            }
            Expression::Negate(e) => write!(f, "-{e}"),
            Expression::Not(e) => write!(f, "not {e}"),
            Expression::Binary(op, a, b) => write!(f, "({a} {} {b})", op.symbol()),
            Expression::Item(list, index) => write!(f, "{list}[{index}]"),
            Expression::List(items) => write!(f, "[{}]", Commas(items)),
            Expression::Component(member, args) => write!(f, "{}({})", member.name, Commas(args)),
        }
    }
}

struct Commas<'a>(&'a [Expression]);

impl fmt::Display for Commas<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            write!(f, "{}{e}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
