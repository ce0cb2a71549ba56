//! Tools for tests of components.

use super::{Default, Member, Spec, Value};

/// A component with these arguments and defaults for the rest.
pub fn spec(member: &'static Member, args: &[(&str, Value)]) -> Spec {
    for (name, _) in args {
        assert!(member.param(name).is_some(), "{} has no parameter {name}", member.name);
    }
    let value = |name: &str, default: Default| match args.iter().find(|(n, _)| *n == name) {
        Some((_, value)) => value.clone(),
        None => default.value(|_| unreachable!("no default here is a component")).unwrap_or_else(|| {
            panic!("{} needs {name}", member.name);
        }),
    };
    Spec { member, args: member.params.iter().map(|p| value(p.name, p.default)).collect() }
}

/// A list of whole numbers.
pub fn ints(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().map(|n| Value::Int(*n)).collect())
}

/// A list of reals.
pub fn reals(numbers: &[f64]) -> Value {
    Value::List(numbers.iter().map(|n| Value::Real(*n)).collect())
}

/// A list of components.
pub fn components(specs: Vec<Spec>) -> Value {
    Value::List(specs.into_iter().map(Value::Component).collect())
}

pub fn word(word: &str) -> Value {
    Value::Word(word.into())
}
