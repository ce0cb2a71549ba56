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

    /// A whole number of at least 1 and at most 2^24.
    pub(super) fn size(&self, name: &str, default: usize) -> usize {
        match self.get(name).map(Json::as_u64) {
            None => default,
            Some(Some(n)) if (1..=1 << 24).contains(&n) => n as usize,
            _ => {
                self.wrong(name, &format!("is {}, not a whole number from 1 to {}", self.json[name], 1 << 24));
                default
            }
        }
    }

    /// A whole number, of any sign.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        match self.get(name).map(Json::as_i64) {
            None => default,
            Some(Some(n)) => n,
            _ => {
                self.wrong(name, &format!("is {}, not a whole number", self.json[name]));
                default
            }
        }
    }

    /// A number above 0.
    pub(super) fn positive(&self, name: &str, default: f64) -> f64 {
        match self.get(name).map(Json::as_f64) {
            None => default,
            Some(Some(x)) if x > 0.0 && x.is_finite() => x,
            _ => {
                self.wrong(name, &format!("is {}, not a number above 0", self.json[name]));
                default
            }
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name).map(Json::as_bool) {
            None => default,
            Some(Some(flag)) => flag,
            _ => {
                self.wrong(name, &format!("is {}, not true or false", self.json[name]));
                default
            }
        }
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
