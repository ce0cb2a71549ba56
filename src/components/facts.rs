//! What a parameter takes, in a line for people: its type, range, default and how it is given.

use super::catalogue::default_value;
use super::describe::{Param, Type};
use super::value::Value;

impl Param {
    /// "a whole number; 1 to 1000; default 10; by name"
    pub fn facts(&self) -> String {
        let mut facts = vec![self.ty.describe()];
        facts.extend(self.range());
        facts.push(match self.default_text() {
            None => "must be given".into(),
            Some(text) if text.is_empty() => "may be left out".into(),
            Some(text) => format!("default {text}"),
        });
        if self.named {
            facts.push("by name".into());
        }
        if self.many {
            facts.push("several".into());
        }
        facts.join("; ")
    }

    /// Its default as it would be written; empty where it may be left out, `None` where it must be given.
    pub fn default_text(&self) -> Option<String> {
        match default_value(&self.default, self)? {
            Value::None => Some(String::new()),
            value => Some(shown(&value, &self.ty)),
        }
    }

    fn range(&self) -> Option<String> {
        let bounds = self.bounds?;
        let least = if bounds.above { format!("above {}", bounds.min) } else { format!("at least {}", bounds.min) };
        Some(match bounds.max.is_finite() {
            true if bounds.above => format!("{least}, at most {}", bounds.max),
            true => format!("{} to {}", bounds.min, bounds.max),
            false => least,
        })
    }
}

/// A default as it would be written.
fn shown(value: &Value, ty: &Type) -> String {
    match value {
        Value::Real(r) if *ty == Type::Share => format!("{}%", r * 100.0),
        Value::Word(w) => w.clone(),
        Value::Component(spec) => spec.name().to_string(),
        Value::Duration(d) => d.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|v| shown(v, &Type::Any)).collect::<Vec<_>>().join(", "))
        }
        other => other.to_json().to_string(),
    }
}
