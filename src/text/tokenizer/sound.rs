//! Which `tokenizer.json` is handed to the crate `tokenizers`: it trusts its files, and some of its parts end the program
//! on wrong ones. Those that byte-pair encodings use are let through, after their tables have been looked at.

use serde_json::Value;
use std::collections::HashSet;

/// Fields that hold parts: where lists of further parts stand in them, and which kinds there are.
const PARTS: [(&str, &str, &[&str]); 4] = [
    (
        "normalizer",
        "normalizers",
        &["Sequence", "Prepend", "Replace", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip"],
    ),
    (
        "pre_tokenizer",
        "pretokenizers",
        &["Sequence", "ByteLevel", "Split", "Digits", "Metaspace", "Whitespace", "WhitespaceSplit"],
    ),
    ("post_processor", "processors", &["Sequence", "ByteLevel", "TemplateProcessing", "RobertaProcessing"]),
    ("decoder", "decoders", &["Sequence", "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"]),
];

/// Parts within parts.
const DEPTH: usize = 4;

/// # Errors
/// What is wrong with it, with the field.
pub fn check(tokenizer: &Value) -> Result<(), String> {
    for (field, inner, kinds) in PARTS {
        parts(tokenizer.get(field).unwrap_or(&Value::Null), field, inner, kinds, 0)?;
    }
    let model = tokenizer.get("model").ok_or("it has no `model`")?;
    match model.get("type").and_then(Value::as_str).unwrap_or("BPE") {
        "BPE" => merges(model),
        other => Err(format!("`model.type` is `{}`; `BPE` is read", other.escape_debug())),
    }
}

fn parts(value: &Value, field: &str, inner: &str, kinds: &[&str], depth: usize) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("");
    if !kinds.contains(&kind) || depth > DEPTH {
        let kind = kind.escape_debug();
        return Err(format!("`{field}` has a part of the type `{kind}`; those that are read are {}", kinds.join(", ")));
    }
    let within = value.get(inner).and_then(Value::as_array);
    within.into_iter().flatten().try_for_each(|part| parts(part, field, inner, kinds, depth + 1))
}

/// Both parts of a pair are tokens, and so is the pair.
fn merges(model: &Value) -> Result<(), String> {
    for name in ["continuing_subword_prefix", "dropout"] {
        if model.get(name).is_some_and(|v| !v.is_null() && v != "" && v.as_f64() != Some(0.0)) {
            return Err(format!("`model.{name}` is set, which is not supported"));
        }
    }
    let vocabulary = model.get("vocab").and_then(Value::as_object).ok_or("`model.vocab` is no table")?;
    let mut ids = HashSet::new();
    if let Some((token, id)) = vocabulary.iter().find(|(_, id)| id.as_u64().is_none_or(|id| !ids.insert(id))) {
        return Err(format!(
            "`model.vocab` gives `{}` the number {id}, which is none or another's",
            token.escape_debug()
        ));
    }
    let merges = model.get("merges").and_then(Value::as_array).ok_or("`model.merges` is no list")?;
    for (i, merge) in merges.iter().enumerate() {
        let pair = match merge {
            Value::String(both) => both.split_once(' '),
            Value::Array(both) => match both.as_slice() {
                [Value::String(a), Value::String(b)] => Some((a.as_str(), b.as_str())),
                _ => None,
            },
            _ => None,
        };
        let (a, b) = pair.ok_or_else(|| format!("`model.merges[{i}]` is no pair"))?;
        let joined = format!("{a}{b}");
        if let Some(token) = [a, b, &joined].into_iter().find(|token| !vocabulary.contains_key(*token)) {
            return Err(format!("`model.merges[{i}]` needs `{}`, which is no token", token.escape_debug()));
        }
    }
    Ok(())
}
