//! The tokenizer that stands in the metadata of a GGUF file.

use super::config::{Added, Config};
use super::hugging_face;
use super::pieces::{Kind, Piece, Pieces, Prefix};
use super::{Coder, Special, Tokenizer, TokenizerError};
use crate::reading::gguf::{Value, metadata};
use crate::reading::limits::{PIECE_BYTES, PIECES};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

pub fn read(path: &Path) -> Result<Tokenizer, TokenizerError> {
    let wanted = |key: &str| key.starts_with("tokenizer.ggml.");
    let values = metadata(path, wanted).map_err(|e| TokenizerError(e.to_string()))?;
    Said { values }.tokenizer().map_err(|e| TokenizerError::of(path, e))
}

/// What the file says.
struct Said {
    values: BTreeMap<String, Value>,
}

impl Said {
    fn tokenizer(&self) -> Result<Tokenizer, String> {
        let tokens = self.texts("tokens")?.ok_or("`tokenizer.ggml.tokens` is missing")?;
        if tokens.len() > PIECES || tokens.iter().any(|t| t.len() > PIECE_BYTES) {
            return Err(format!("it has more than {PIECES} tokens, or one of more than {PIECE_BYTES} bytes"));
        }
        match self.text("model")? {
            Some("gpt2") => self.merged(&tokens),
            Some("llama") => self.scored(&tokens),
            Some(other) => Err(format!("`tokenizer.ggml.model` is `{other}`; `gpt2` and `llama` are read")),
            None => Err("`tokenizer.ggml.model` is missing".into()),
        }
    }

    /// Byte-level pairs with merges.
    fn merged(&self, tokens: &[String]) -> Result<Tokenizer, String> {
        let merges = self.texts("merges")?.ok_or("`tokenizer.ggml.merges` is missing")?;
        let distinct: HashSet<&String> = tokens.iter().collect();
        if distinct.len() != tokens.len() {
            return Err("`tokenizer.ggml.tokens` has one twice".into());
        }
        let pre = self.text("pre")?.unwrap_or("default");
        let pre = pre_tokenizer(pre).ok_or_else(|| {
            format!("`tokenizer.ggml.pre` is `{pre}`; `default`, `gpt-2`, `smollm`, `llama-bpe` and `qwen2` are read")
        })?;
        let special = self.special()?;
        let cut = self.cut_out(tokens, special)?;
        let added = cut.iter().map(|(id, token, special)| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": special})
        });
        let added: Vec<_> = added.collect();
        let vocabulary: serde_json::Map<String, serde_json::Value> =
            tokens.iter().zip(0u32..).map(|(token, id)| (token.clone(), id.into())).collect();
        let text = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
            "pre_tokenizer": pre, "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                      "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                      "ignore_merges": false, "vocab": vocabulary, "merges": merges},
        });
        let made = hugging_face::made(text, &Config::default())?;
        let begins = self.flag("add_bos_token")?.unwrap_or(false);
        Tokenizer::new(made.coder, special, begins)
    }

    /// SentencePiece's pairs with scores.
    fn scored(&self, tokens: &[String]) -> Result<Tokenizer, String> {
        let list = |name: &str| self.list(name)?.ok_or_else(|| format!("`tokenizer.ggml.{name}` is missing"));
        let (scores, types) = (list("scores")?, list("token_type")?);
        if scores.len() != tokens.len() || types.len() != tokens.len() {
            return Err("`tokenizer.ggml.scores` and `token_type` are not as long as `tokens`".into());
        }
        let mut pieces = Vec::new();
        for ((token, score), number) in tokens.iter().zip(scores).zip(types) {
            let place = pieces.len();
            let score = match score {
                Value::Real(score) => *score as f32,
                other => return Err(format!("`tokenizer.ggml.scores[{place}]` is {}, no number", other.kind())),
            };
            let kind = match number {
                Value::Whole(number) => Kind::numbered(*number),
                _ => None,
            };
            let kind = kind.ok_or_else(|| format!("`tokenizer.ggml.token_type[{place}]` is none that is read"))?;
            pieces.push(Piece { text: token.clone(), score, kind });
        }
        let special = self.special()?;
        let token = |(id, content, special): (u32, String, bool)| (id, Added { content, special, ..Added::default() });
        let cut = self.cut_out(tokens, special)?.into_iter().filter(|(_, _, special)| *special).map(token).collect();
        let prefix = if self.flag("add_space_prefix")?.unwrap_or(true) { Prefix::First } else { Prefix::Never };
        let pieces = Pieces::new(pieces, cut, prefix)?;
        let begins = self.flag("add_bos_token")?.unwrap_or(true);
        Tokenizer::new(Coder::Pieces(Box::new(pieces)), special, begins)
    }

    /// Tokens that are cut out of texts before anything else, and whether they stand for no text.
    fn cut_out(&self, tokens: &[String], special: Special) -> Result<Vec<(u32, String, bool)>, String> {
        let types = self.list("token_type")?.unwrap_or(&[]);
        let named = [special.bos, special.eos, special.pad, special.unk];
        let kind = |id: u32| match types.get(id as usize) {
            Some(Value::Whole(number)) => Kind::numbered(*number),
            _ => None,
        };
        let cut = tokens.iter().zip(0u32..).filter_map(|(token, id)| {
            let special = named.contains(&Some(id)) || matches!(kind(id), Some(Kind::Control | Kind::Unknown));
            let cut = special || kind(id) == Some(Kind::UserDefined);
            (cut && !token.is_empty()).then(|| (id, token.clone(), special))
        });
        Ok(cut.collect())
    }

    fn special(&self) -> Result<Special, String> {
        Ok(Special {
            bos: self.id("bos_token_id")?,
            eos: self.id("eos_token_id")?,
            pad: self.id("padding_token_id")?,
            unk: self.id("unknown_token_id")?,
        })
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(&format!("tokenizer.ggml.{name}"))
    }

    fn list(&self, name: &str) -> Result<Option<&[Value]>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::List(values)) => Ok(Some(values)),
            Some(other) => Err(format!("`tokenizer.ggml.{name}` is {}, no list", other.kind())),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        let text = |value: &Value| match value {
            Value::Text(text) => Ok(text.clone()),
            other => Err(format!("`tokenizer.ggml.{name}` has {} in it, no text", other.kind())),
        };
        self.list(name)?.map(|values| values.iter().map(text).collect()).transpose()
    }

    fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(format!("`tokenizer.ggml.{name}` is {}, no text", other.kind())),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(format!("`tokenizer.ggml.{name}` is {}, neither true nor false", other.kind())),
        }
    }

    fn id(&self, name: &str) -> Result<Option<u32>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Whole(id)) if u32::try_from(*id).is_ok() => Ok(Some(*id as u32)),
            Some(other) => Err(format!("`tokenizer.ggml.{name}` is {}, no token", other.kind())),
        }
    }
}

/// How texts are cut before pairs are joined, by llama.cpp's names for it.
fn pre_tokenizer(name: &str) -> Option<serde_json::Value> {
    let bytes = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": regex});
    let split = |pattern: String| {
        let cut = json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        json!({"type": "Sequence", "pretokenizers": [cut, bytes(false)]})
    };
    // That of GPT-4's family, with as many digits together.
    let grouped = |digits: &str| {
        format!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
    };
    Some(match name {
        "default" | "gpt-2" => bytes(true),
        "smollm" => {
            let digits = json!({"type": "Digits", "individual_digits": true});
            json!({"type": "Sequence", "pretokenizers": [digits, bytes(true)]})
        }
        "llama-bpe" | "llama3" => split(grouped(r"\p{N}{1,3}")),
        "qwen2" => split(grouped(r"\p{N}")),
        _ => return None,
    })
}
