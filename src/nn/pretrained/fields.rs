//! Fields of a `config.json`, with everything that is wrong with them told at once.

use serde_json::Value as Json;
use std::cell::RefCell;

/// An object of a configuration and what was found wrong in it so far.
pub(super) struct Fields<'a> {
    json: &'a Json,
    /// `text_config.`
    at: String,
    problems: &'a RefCell<Vec<String>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(json: &'a Json, problems: &'a RefCell<Vec<String>>) -> Fields<'a> {
        Fields { json, at: String::new(), problems }
    }

    /// An object within it; where there is none, one without fields.
    pub(super) fn within(&self, name: &str) -> Fields<'a> {
        const NOTHING: &Json = &Json::Null;
        let json = self.json.get(name).unwrap_or(NOTHING);
        if !json.is_object() && !json.is_null() {
            self.wrong(name, "is no object");
        }
        Fields { json, at: format!("{}{name}.", self.at), problems: self.problems }
    }

    /// Its value, where it is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Json> {
        self.json.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn wrong(&self, name: &str, what: &str) {
        self.problems.borrow_mut().push(format!("{}{name} {what}", self.at));
    }

    /// Its value as `read` takes it; the default where it is not there, or is told to be no `expected`.
    fn read<T>(&self, name: &str, default: T, expected: &str, read: impl Fn(&Json) -> Option<T>) -> T {
        let Some(value) = self.get(name) else { return default };
        read(value).unwrap_or_else(|| {
            self.wrong(name, &format!("is {value}, not {expected}"));
            default
        })
    }

    /// A whole number of at least 1 and at most 2^24.
    pub(super) fn size(&self, name: &str, default: usize) -> usize {
        let within = |value: &Json| value.as_u64().filter(|n| (1..=1 << 24).contains(n)).map(|n| n as usize);
        self.read(name, default, &format!("a whole number from 1 to {}", 1 << 24), within)
    }

    /// A whole number, of any sign.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.read(name, default, "a whole number", Json::as_i64)
    }

    /// A number above 0.
    pub(super) fn positive(&self, name: &str, default: f64) -> f64 {
        let above = |value: &Json| value.as_f64().filter(|x| *x > 0.0 && x.is_finite());
        self.read(name, default, "a number above 0", above)
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.read(name, default, "true or false", Json::as_bool)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.get(name)?;
        if value.as_str().is_none() {
            self.wrong(name, &format!("is {value}, not a text"));
        }
        value.as_str()
    }

    /// Refuses a text that is none of those which are supported; the first is the default.
    pub(super) fn one_of(&self, name: &str, known: &[&'static str]) -> &'static str {
        let Some(found) = self.text(name) else { return known[0] };
        match known.iter().find(|known| **known == found) {
            Some(known) => known,
            None => {
                self.wrong(name, &format!("is \"{}\"; supported is {}", found.escape_debug(), known.join(", ")));
                known[0]
            }
        }
    }
}
