//! Which values a place of some type takes, and what they become there.

use super::describe::{Family, Type};
use super::value::{Duration, Metric, Value};
use std::fmt;

/// Why a value doesn't fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// another type altogether
    Type { expected: String, found: String },
    /// an Int where a Share is meant: `30` could be 30 % or 3000 %
    BareShare(i64),
    /// a Real without a unit where a Duration is meant
    BareDuration(f64),
    /// of the type, but outside what it allows
    Range(String),
    /// a word that isn't in the list
    Choice { found: String, allowed: &'static [&'static str] },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Type { expected, found } => write!(f, "takes {expected}, not {found}"),
            Mismatch::BareShare(i) => write!(f, "takes a share such as `30%`, not the whole number {i}"),
            Mismatch::BareDuration(r) => write!(f, "takes a duration: {r} of what?"),
            Mismatch::Range(text) => f.write_str(text),
            Mismatch::Choice { found, allowed } => write!(f, "is one of {}, not `{found}`", words(allowed)),
        }
    }
}

/// The value as one of that type.
pub fn coerce(value: Value, ty: &Type) -> Result<Value, Mismatch> {
    if let Value::Later(e, _) = value {
        return Ok(Value::Later(e, *ty));
    }
    match (ty, value) {
        (Type::Any, v) => Ok(v),
        (Type::Int, v @ Value::Int(_)) => Ok(v),
        (Type::Real, Value::Int(i)) => Ok(Value::Real(i as f64)),
        (Type::Real, v @ Value::Real(_)) => Ok(v),
        (Type::Share, Value::Real(r)) => share(r),
        (Type::Share, Value::Int(i)) => Err(Mismatch::BareShare(i)),
        (Type::Moment, Value::Real(r)) => share(r),
        (Type::Duration | Type::Moment, Value::Int(i)) => positive(Duration::Epochs(i as f64)),
        (Type::Duration | Type::Moment, Value::Duration(d)) => positive(d),
        (Type::Duration, Value::Real(r)) => Err(Mismatch::BareDuration(r)),
        (Type::Text, v @ Value::Text(_)) => Ok(v),
        (Type::Bool | Type::Condition, v @ Value::Bool(_)) => Ok(v),
        (Type::Selector, v @ Value::Selector(_)) => Ok(v),
        (Type::Metric, v @ Value::Metric(_)) => Ok(v),
        (Type::Metric, Value::Component(spec)) if spec.member.family == Family::Metric => {
            Ok(Value::Metric(Metric { split: None, spec }))
        }
        (Type::Tasks, v @ (Value::Task(_) | Value::List(_))) => tasks(v),
        (Type::Component(family), Value::Component(spec)) if spec.member.family == *family => {
            Ok(Value::Component(spec))
        }
        (Type::Word(list), Value::Word(w)) => match list.contains(&w.as_str()) {
            true => Ok(Value::Word(w)),
            false => Err(Mismatch::Choice { found: w, allowed: list }),
        },
        (Type::List(entry), Value::List(items)) => {
            Ok(Value::List(items.into_iter().map(|v| coerce(v, entry)).collect::<Result<_, _>>()?))
        }
        (Type::List(entry), v @ Value::Range { .. }) => match v.range_items() {
            Some(items) => coerce(Value::List(items), &Type::List(entry)),
            None => Err(Mismatch::Range("takes a list: a range with both ends, of at most a million numbers".into())),
        },
        (Type::OneOf(types), v) => one_of(types, v),
        (_, v) => Err(mismatch(ty, &v)),
    }
}

fn one_of(types: &'static [Type], value: Value) -> Result<Value, Mismatch> {
    let mut closest = None;
    for ty in types {
        match coerce(value.clone(), ty) {
            Ok(v) => return Ok(v),
            Err(Mismatch::Type { .. }) => {}
            Err(other) => closest = closest.or(Some(other)),
        }
    }
    Err(closest.unwrap_or_else(|| mismatch(&Type::OneOf(types), &value)))
}

/// A task or several as a list of tasks, lists in lists too.
fn tasks(value: Value) -> Result<Value, Mismatch> {
    fn gather(value: Value, into: &mut Vec<Value>) -> Result<(), Mismatch> {
        match value {
            Value::List(items) => items.into_iter().try_for_each(|item| gather(item, into)),
            task @ Value::Task(_) => {
                into.push(task);
                Ok(())
            }
            other => Err(mismatch(&Type::Tasks, &other)),
        }
    }
    let mut tasks = Vec::new();
    gather(value, &mut tasks)?;
    match tasks.is_empty() {
        true => Err(Mismatch::Range("takes at least one task".into())),
        false => Ok(Value::List(tasks)),
    }
}

fn mismatch(ty: &Type, value: &Value) -> Mismatch {
    Mismatch::Type { expected: ty.describe(), found: value.kind() }
}

fn share(r: f64) -> Result<Value, Mismatch> {
    if (0.0..=1.0).contains(&r) {
        return Ok(Value::Real(r));
    }
    Err(Mismatch::Range(format!("takes a share between 0% and 100%, not {}%", r * 100.0)))
}

fn positive(duration: Duration) -> Result<Value, Mismatch> {
    let (Duration::Epochs(n) | Duration::Seconds(n)) = duration else {
        return match duration {
            Duration::Steps(0) => Err(Mismatch::Range("takes a duration above zero".into())),
            d => Ok(Value::Duration(d)),
        };
    };
    if n > 0.0 {
        return Ok(Value::Duration(duration));
    }
    Err(Mismatch::Range(format!("takes a duration above zero, not {duration}")))
}

impl Value {
    /// The numbers of a range that has both ends; at most a million.
    pub fn range_items(&self) -> Option<Vec<Value>> {
        let Value::Range { start: Some(start), end: Some(end), inclusive } = *self else { return None };
        let end = if inclusive { end.checked_add(1)? } else { end };
        let count = end.checked_sub(start)?;
        (count <= 1_000_000).then(|| (start..end).map(Value::Int).collect())
    }
}

/// `a`, `b` or `c`, each in backticks.
pub fn words(list: &[&str]) -> String {
    let quoted: Vec<_> = list.iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

impl Type {
    /// In the user's words, with an example: "a share such as `30%`".
    pub fn describe(&self) -> String {
        match self {
            Type::Int => "a whole number".into(),
            Type::Real => "a number".into(),
            Type::Share => "a share such as `30%`".into(),
            Type::Duration => "a duration such as `10 epochs`, `500 steps` or `15 min`".into(),
            Type::Moment => "a share of the time such as `50%`, or a duration".into(),
            Type::Text => "a text in quotes".into(),
            Type::Bool => "`true` or `false`".into(),
            Type::Selector => "a selector such as `layers[-2..]` or `head`".into(),
            Type::Metric => "a metric such as `clean`".into(),
            Type::Condition => "a condition such as `clean > 85%`".into(),
            Type::Tasks => "tasks such as `split(fashion, by: class, size: 5)`, or of conversations `quiz`".into(),
            Type::Word(list) => words(list),
            Type::Component(family) => format!("{} {}", article(family.noun()), family.noun()),
            Type::List(entry) => format!("a list, each entry {}", entry.describe()),
            Type::OneOf(types) => types.iter().map(Type::describe).collect::<Vec<_>>().join(", or "),
            Type::Any => "a value".into(),
        }
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_int_is_epochs_where_a_duration_is_meant_and_refused_where_a_share_is() {
        assert_eq!(coerce(Value::Int(40), &Type::Duration), Ok(Value::Duration(Duration::Epochs(40.0))));
        assert_eq!(coerce(Value::Int(1), &Type::Share), Err(Mismatch::BareShare(1)));
        assert_eq!(coerce(Value::Real(0.5), &Type::Duration), Err(Mismatch::BareDuration(0.5)));
        assert!(matches!(coerce(Value::Int(0), &Type::Duration), Err(Mismatch::Range(_))));
        assert!(matches!(coerce(Value::Real(30.0), &Type::Share), Err(Mismatch::Range(_))));
    }

    #[test]
    fn a_range_of_ints_is_a_list() {
        let range = Value::Range { start: Some(0), end: Some(3), inclusive: true };
        let list = Value::List((0..=3).map(Value::Int).collect());
        assert_eq!(coerce(range, &Type::List(&Type::Int)), Ok(list));
    }
}
