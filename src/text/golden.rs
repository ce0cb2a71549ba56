//! What other programs make of the same texts and pictures (tests/goldens/make_text.py).

use super::tokenizer::Tokenizer;
use serde_json::Value;
use std::path::PathBuf;

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/text")
}

pub fn golden() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("golden.json")).unwrap()).unwrap()
}

pub fn tokenizer(name: &str) -> Tokenizer {
    Tokenizer::open(&folder().join(name)).unwrap()
}

/// LLaMA's tokenizer with a configuration of its own.
pub fn pieces_with(config: &str) -> Result<Tokenizer, String> {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(folder().join("pieces/tokenizer.model"), place.path().join("tokenizer.model")).unwrap();
    std::fs::write(place.path().join("tokenizer_config.json"), config).unwrap();
    Tokenizer::open(place.path()).map_err(|e| e.to_string())
}

pub fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect()
}
