//! What the operators do with values. Messages are in the user's words.

use super::selector::Selector;
use super::value::{Duration, Value};
use crate::syntax::tree::BinaryOp;

/// `left op right`. `then` joins schedules and is the checker's business.
pub fn binary(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, String> {
    use BinaryOp::*;
    match op {
        And | Or => logic(op, left, right),
        Equal => Ok(Value::Bool(same(left, right))),
        NotEqual => Ok(Value::Bool(!same(left, right))),
        Less | LessEqual | Greater | GreaterEqual => compare(op, left, right),
        Add | Subtract | Multiply | Divide | Intersect => combine(op, left, right),
        Then => Err("`then` joins two schedules".into()),
    }
}

/// `-value`
pub fn negate(value: &Value) -> Result<Value, String> {
    match value {
        Value::Int(i) => i.checked_neg().map(Value::Int).ok_or("this number is too large".into()),
        Value::Real(r) => Ok(Value::Real(-r)),
        other => Err(format!("`-` needs a number, not {}", other.kind())),
    }
}

fn logic(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(if op == BinaryOp::And { *a && *b } else { *a || *b })),
        (Value::Bool(_), other) | (other, _) => {
            Err(format!("`{}` joins conditions, but this is {}", op.symbol(), other.kind()))
        }
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (number(left), number(right)) {
        (Some(a), Some(b)) => a == b,
        _ => match (left, right) {
            (Value::Text(a) | Value::Word(a), Value::Text(b) | Value::Word(b)) => a == b,
            _ => left == right,
        },
    }
}

fn compare(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, String> {
    let (Some(a), Some(b)) = (number(left), number(right)) else {
        let odd = if number(left).is_none() { left } else { right };
        return Err(format!("`{}` compares numbers, but this is {}", op.symbol(), odd.kind()));
    };
    Ok(Value::Bool(match op {
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        _ => a >= b,
    }))
}

fn combine(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) if op != BinaryOp::Divide => integers(op, *a, *b),
        (Value::Selector(a), Value::Selector(b)) => selectors(op, a, b),
        (a @ (Value::Task(_) | Value::List(_)), b @ Value::Task(_)) | (a @ Value::Task(_), b @ Value::List(_))
            if op == BinaryOp::Add =>
        {
            Ok(Value::List([items(a), items(b)].concat()))
        }
        (Value::List(a), Value::List(b)) if op == BinaryOp::Add => Ok(Value::List([&a[..], &b[..]].concat())),
        (Value::Duration(a), Value::Duration(b)) => durations(op, *a, *b),
        (Value::Duration(d), n) if number(n).is_some() => scale(op, *d, n),
        (n, Value::Duration(d)) if number(n).is_some() && op == BinaryOp::Multiply => scale(op, *d, n),
        _ => reals(op, left, right),
    }
}

/// The entries of a list; of anything else, itself.
fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn integers(op: BinaryOp, a: i64, b: i64) -> Result<Value, String> {
    let result = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        BinaryOp::Multiply => a.checked_mul(b),
        _ => return Err("`&` is for selectors; numbers are joined by `+ - * /`".into()),
    };
    result.map(Value::Int).ok_or(format!("{a} {} {b} is too large a number", op.symbol()))
}

fn reals(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, String> {
    let (Some(a), Some(b)) = (number(left), number(right)) else {
        return Err(format!("`{}` can't join {} and {}", op.symbol(), left.kind(), right.kind()));
    };
    let result = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide if b == 0.0 => return Err("division by zero".into()),
        BinaryOp::Divide => a / b,
        _ => return Err("`&` is for selectors; numbers are joined by `+ - * /`".into()),
    };
    if result.is_finite() { Ok(Value::Real(result)) } else { Err("the result is too large a number".into()) }
}

fn selectors(op: BinaryOp, a: &Selector, b: &Selector) -> Result<Value, String> {
    let (a, b) = (Box::new(a.clone()), Box::new(b.clone()));
    Ok(Value::Selector(match op {
        BinaryOp::Add => Selector::Union(a, b),
        BinaryOp::Subtract => Selector::Difference(a, b),
        BinaryOp::Intersect => Selector::Intersection(a, b),
        _ => return Err(format!("`{}` can't join selectors; `+`, `-` and `&` do", op.symbol())),
    }))
}

fn durations(op: BinaryOp, a: Duration, b: Duration) -> Result<Value, String> {
    let sign = match op {
        BinaryOp::Add => 1.0,
        BinaryOp::Subtract => -1.0,
        _ => return Err(format!("`{}` can't join two durations", op.symbol())),
    };
    Ok(Value::Duration(match (a, b) {
        (Duration::Epochs(a), Duration::Epochs(b)) => Duration::Epochs(a + sign * b),
        (Duration::Seconds(a), Duration::Seconds(b)) => Duration::Seconds(a + sign * b),
        (Duration::Steps(a), Duration::Steps(b)) => {
            let sum = if sign > 0.0 { a.checked_add(b) } else { a.checked_sub(b) };
            Duration::Steps(sum.ok_or("the result is no number of steps")?)
        }
        _ => return Err(format!("{a} and {b} have different units")),
    }))
}

fn scale(op: BinaryOp, duration: Duration, factor: &Value) -> Result<Value, String> {
    let n = number(factor).unwrap_or(1.0);
    let factor = match op {
        BinaryOp::Multiply => n,
        BinaryOp::Divide if n != 0.0 => 1.0 / n,
        BinaryOp::Divide => return Err("division by zero".into()),
        _ => return Err(format!("`{}` can't join a duration and a number without a unit", op.symbol())),
    };
    Ok(Value::Duration(match duration {
        Duration::Epochs(e) => Duration::Epochs(e * factor),
        Duration::Seconds(s) => Duration::Seconds(s * factor),
        Duration::Steps(s) => {
            let steps = s as f64 * factor;
            if steps.fract() != 0.0 || !(0.0..=1e15).contains(&steps) {
                return Err(format!("{steps} is no whole number of steps"));
            }
            Duration::Steps(steps as u64)
        }
    }))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(i) => Some(*i as f64),
        Value::Real(r) => Some(*r),
        _ => None,
    }
}

impl Value {
    /// What it is, in the user's words: "a number", "a selector".
    pub fn kind(&self) -> String {
        match self {
            Value::None => "nothing".into(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Int(i) => format!("the whole number {i}"),
            Value::Real(r) => format!("the number {r}"),
            Value::Text(_) => "a text".into(),
            Value::Word(w) => format!("the word `{w}`"),
            Value::Duration(d) => format!("a duration ({d})"),
            Value::List(_) | Value::Named(_) => "a list".into(),
            Value::Range { .. } => "a range".into(),
            Value::Selector(_) => "a selector".into(),
            Value::Metric(m) => format!("the metric `{m}`"),
            Value::Task(task) => format!("a task ({task})"),
            Value::Component(s) => format!("the {} `{}`", s.member.family.name(), s.member.name),
            Value::Later(_, ty) => format!("{} known at run time", ty.describe()),
        }
    }
}
