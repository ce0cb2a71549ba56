//! Which tensors of a model's files have two bytes a number.

use super::config::Form;
use super::gguf;
use super::names::canonical;
use super::shards::Shards;
use crate::nn::weights::{self, WeightsError};
use crate::reading::{self, json, limits};
use safetensors::Dtype;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;

/// As far as is known before the weights are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// `config.json` says so of all; the weights are not there yet
    All,
    /// those of these names here
    These(BTreeSet<String>),
}

impl Narrow {
    /// Of a folder of weights or of a GGUF file, from headers alone.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of(path: &Path, form: Form) -> Result<Narrow, WeightsError> {
        let is_narrow = |dtype| matches!(dtype, Dtype::BF16 | Dtype::F16);
        let mut names = BTreeSet::new();
        if !path.is_dir() {
            let found = weights::describe(path)?.into_iter().filter(|facts| is_narrow(facts.dtype));
            names.extend(found.filter_map(|facts| gguf::name_here(&facts.name)));
            return Ok(Narrow::These(names));
        }
        if !Shards::are_there(path) {
            return Ok(if announced(path) { Narrow::All } else { Narrow::These(names) });
        }
        for file in Shards::of(path)?.files {
            let found = weights::describe(&file)?.into_iter().filter(|facts| is_narrow(facts.dtype));
            names.extend(found.filter_map(|facts| canonical(form, &facts.name)));
        }
        Ok(Narrow::These(names))
    }

    /// Whether the tensor of that name here is one of them.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Narrow::All => true,
            Narrow::These(names) => names.contains(name),
        }
    }
}

/// Whether a `config.json` names a type of two bytes, as transformers writes it, for the whole model or its decoder.
fn announced(folder: &Path) -> bool {
    let text = reading::content(&folder.join("config.json"), limits::MANIFEST_BYTES);
    let Ok(json) = text.map_err(drop).and_then(|text| json::parse::<Json>(&text, json::Kind::Any).map_err(drop)) else {
        return false;
    };
    let named = |json: &Json| {
        let found = json.get("dtype").or_else(|| json.get("torch_dtype")).and_then(Json::as_str);
        found.map(|name| matches!(name, "bfloat16" | "float16"))
    };
    named(&json).or_else(|| json.get("text_config").and_then(named)).unwrap_or(false)
}
