//! What `tokenizer_config.json` and `special_tokens_map.json` say beside a tokenizer.

use super::TokenizerError;
use crate::reading::json::{Kind, parse};
use crate::reading::limits::TOKENIZER_BYTES;
use crate::reading::whole;
use serde_json::{Map, Value};
use std::path::Path;

/// A token that is cut out of texts before anything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    pub content: String,
    /// it takes the space before it along
    pub lstrip: bool,
    /// and that behind it
    pub rstrip: bool,
    /// left out of decoded texts
    pub special: bool,
}

/// The fields that change which tokens come out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub bos: Option<Added>,
    pub eos: Option<Added>,
    pub pad: Option<Added>,
    pub unk: Option<Added>,
    pub add_bos: Option<bool>,
    /// what LLaMA's tokenizers did up to 2023: a space in front of what follows a special token
    pub legacy: Option<bool>,
    /// a space in front of a text
    pub prefix_space: Option<bool>,
    /// with their places in the vocabulary
    pub added: Vec<(u32, Added)>,
}

impl Config {
    /// Of the files beside `tokenizer`, which need not be there.
    pub fn beside(tokenizer: &Path) -> Result<Config, TokenizerError> {
        let mut config = Config::default();
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let path = tokenizer.with_file_name(name);
            if path.exists() {
                let wrong = |what: String| TokenizerError::of(&path, what);
                let bytes = whole(&path, TOKENIZER_BYTES).map_err(|e| TokenizerError(e.to_string()))?;
                let fields: Map<String, Value> = parse(&bytes, Kind::Any).map_err(|e| wrong(e.to_string()))?;
                config.take(&fields).map_err(wrong)?;
            }
        }
        Ok(config)
    }

    /// Takes what was not said before.
    fn take(&mut self, fields: &Map<String, Value>) -> Result<(), String> {
        for (name, slot) in [
            ("bos_token", &mut self.bos),
            ("eos_token", &mut self.eos),
            ("pad_token", &mut self.pad),
            ("unk_token", &mut self.unk),
        ] {
            if let (None, Some(value)) = (&slot, present(fields, name)) {
                *slot = Some(added(value, true).ok_or_else(|| format!("`{name}` is no token"))?);
            }
        }
        for (name, slot) in [
            ("add_bos_token", &mut self.add_bos),
            ("legacy", &mut self.legacy),
            ("add_prefix_space", &mut self.prefix_space),
        ] {
            if let Some(value) = present(fields, name) {
                *slot = Some(value.as_bool().ok_or_else(|| format!("`{name}` is neither true nor false"))?);
            }
        }
        let Some(table) = present(fields, "added_tokens_decoder") else { return Ok(()) };
        for (id, value) in table.as_object().ok_or("`added_tokens_decoder` is no table")? {
            let place = id.parse().map_err(|_| format!("`added_tokens_decoder` has the key `{id}`, no number"))?;
            let token = added(value, false).ok_or_else(|| format!("`added_tokens_decoder.{id}` is no token"))?;
            self.added.push((place, token));
        }
        Ok(())
    }
}

fn present<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// `"</s>"`, or a table with `content`.
fn added(value: &Value, special: bool) -> Option<Added> {
    let flag = |name: &str| value.get(name).and_then(Value::as_bool);
    let content = value.as_str().or_else(|| value.get("content")?.as_str())?.to_string();
    let special = flag("special").unwrap_or(special);
    let added = Added { content, lstrip: flag("lstrip") == Some(true), rstrip: flag("rstrip") == Some(true), special };
    Some(added).filter(|added| !added.content.is_empty())
}
