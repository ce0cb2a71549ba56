//! Fields of an element, with errors that name them.

use serde_json::{Map, Value};

/// The fields of an element.
pub struct Fields<'a> {
    table: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub fn of(value: &'a Value) -> Result<Fields<'a>, String> {
        let table = value.as_object().ok_or_else(|| format!("it is {}, no object", kind(value)))?;
        Ok(Fields { table })
    }

    /// What stands there; `null` is nothing.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.table.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be missing.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        self.get(name).map(|value| text(value, name)).transpose()
    }

    /// A text that has to be there.
    pub fn needed(&self, name: &str) -> Result<&'a str, String> {
        self.text(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    /// Text or whole number, as ids are.
    pub fn id(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(id)) => Ok(Some(id.clone())),
            Some(Value::Number(id)) => Ok(Some(id.to_string())),
            Some(other) => Err(format!("`{name}` is {}, no id", kind(other))),
        }
    }
}

pub fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("`{name}` is {}, no text", kind(value)))
}

pub fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("`{name}` is {}, no list", kind(value)))
}

/// A value in words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
