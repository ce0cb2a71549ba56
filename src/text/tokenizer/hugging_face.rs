//! `tokenizer.json`, read by the crate `tokenizers`.

use super::config::{Added, Config};
use super::{Coder, Special, Tokenizer, TokenizerError, sound};
use crate::reading::json::{Kind, parse};
use crate::reading::limits::TOKENIZER_BYTES;
use crate::reading::whole;
use serde_json::Value;
use std::path::Path;

pub fn read(path: &Path) -> Result<Tokenizer, TokenizerError> {
    let wrong = |what: String| TokenizerError::of(path, what);
    let config = Config::beside(path)?;
    let bytes = whole(path, TOKENIZER_BYTES).map_err(|e| TokenizerError(e.to_string()))?;
    let value: Value = parse(&bytes, Kind::Any).map_err(|e| wrong(e.to_string()))?;
    made(value, &config).map_err(wrong)
}

/// The tokenizer that such JSON describes.
pub fn made(mut value: Value, config: &Config) -> Result<Tokenizer, String> {
    sound::check(&value)?;
    // A batch is filled up and cut where it is made, and the ranges are those of whole tokens.
    if let Some(fields) = value.as_object_mut() {
        fields.remove("padding");
        fields.remove("truncation");
    }
    value.get_mut("post_processor").into_iter().for_each(untrimmed);
    let coder: tokenizers::Tokenizer = serde_json::from_value(value).map_err(|e| e.to_string())?;
    let id = |name: &str, token: &Option<Added>| match token {
        Some(token) => {
            let found = coder.token_to_id(&token.content);
            found.map(Some).ok_or_else(|| format!("its `{name}` is `{}`, which it has no number for", token.content))
        }
        None => Ok(None),
    };
    let mut special = Special {
        bos: id("bos_token", &config.bos)?,
        eos: id("eos_token", &config.eos)?,
        pad: id("pad_token", &config.pad)?,
        unk: id("unk_token", &config.unk)?,
    };
    let first = |add: bool| coder.encode("a", add).map_err(|e| e.to_string()).map(|e| e.get_ids().first().copied());
    let (with, without) = (first(true)?, first(false)?);
    let begins = with != without;
    if begins && special.bos.is_none() {
        special.bos = with;
    }
    let begins = config.add_bos.unwrap_or(begins && with == special.bos);
    Tokenizer::new(Coder::Crate(Box::new(coder)), special, begins)
}

fn untrimmed(processor: &mut Value) {
    if let Some(trim) = processor.get_mut("trim_offsets") {
        *trim = Value::Bool(false);
    }
    let parts = processor.get_mut("processors").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(untrimmed);
}
