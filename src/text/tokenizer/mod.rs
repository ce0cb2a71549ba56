//! Texts as numbers and back: Hugging Face's `tokenizer.json`, SentencePiece's `tokenizer.model`, what a GGUF file says,
//! and a vocabulary trained here ([`super::bpe`]).

mod config;
mod gguf;
mod hugging_face;
mod model_file;
mod pieces;
mod sound;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::Streamed;

pub(in crate::text) use config::{Added, Config};
pub(in crate::text) use hugging_face::made;

use crate::reading::limits::PIECES;
use pieces::Pieces;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Cuts texts into tokens.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    coder: Coder,
    special: Special,
    /// whether texts begin with the token that stands for their beginning
    begins: bool,
    /// one more than the largest token
    size: usize,
}

#[derive(Clone, Debug)]
enum Coder {
    /// by the crate `tokenizers`
    Crate(Box<tokenizers::Tokenizer>),
    /// by SentencePiece's rules
    Pieces(Box<Pieces>),
}

/// The tokens that stand for no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Special {
    /// the beginning of a text
    pub bos: Option<u32>,
    /// its end
    pub eos: Option<u32>,
    /// fills rows up
    pub pad: Option<u32>,
    /// what is not in the vocabulary
    pub unk: Option<u32>,
}

/// A text as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    pub ids: Vec<u32>,
    /// for each token, which bytes of the text it stands for: none for the beginning; all of a character for each token
    /// that is a part of it
    pub ranges: Vec<Range<usize>>,
}

/// A tokenizer that cannot be read, or a text that it cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenizerError(pub String);

impl TokenizerError {
    /// What is wrong with a file.
    fn of(path: &Path, what: impl fmt::Display) -> TokenizerError {
        TokenizerError(format!("cannot take the tokenizer from `{}`: {what}", path.display()))
    }
}

impl Tokenizer {
    /// That of a folder or of a file: `tokenizer.json`, `tokenizer.model` or `*.gguf`. In a folder `tokenizer.json` comes before
    /// `tokenizer.model`, and what `tokenizer_config.json` and `special_tokens_map.json` say holds for both.
    ///
    /// # Errors
    /// What is missing or wrong, with the file and the field.
    pub fn open(path: &Path) -> Result<Tokenizer, TokenizerError> {
        if path.is_dir() {
            let named = |name: &str| Some(path.join(name)).filter(|file| file.exists());
            let file = named("tokenizer.json").or_else(|| named("tokenizer.model"));
            return Tokenizer::file(&file.ok_or_else(|| {
                TokenizerError(format!("`{}` has neither `tokenizer.json` nor `tokenizer.model`", path.display()))
            })?);
        }
        Tokenizer::file(path)
    }

    /// # Errors
    /// If a special token is none of the vocabulary.
    fn new(coder: Coder, special: Special, begins: bool) -> Result<Tokenizer, String> {
        let last = match &coder {
            Coder::Crate(by) => by.get_vocab(true).into_values().max(),
            Coder::Pieces(by) => by.last(),
        };
        let size = last.map_or(0, |id| id as usize + 1);
        if size > PIECES {
            return Err(format!("it has tokens up to {}; at most {PIECES} are read", size - 1));
        }
        for (name, id) in [("bos", special.bos), ("eos", special.eos), ("pad", special.pad), ("unk", special.unk)] {
            if let Some(id) = id.filter(|id| *id as usize >= size) {
                return Err(format!("its {name} token is {id}, and it has {size} tokens"));
            }
        }
        Ok(Tokenizer { coder, special, begins, size })
    }

    fn file(path: &Path) -> Result<Tokenizer, TokenizerError> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("json") => hugging_face::read(path),
            Some("model") => model_file::read(path),
            Some("gguf") => gguf::read(path),
            _ => Err(TokenizerError::of(path, "it is neither `.json`, `.model` nor `.gguf`")),
        }
    }

    /// A text as tokens; `begin` puts the token of a beginning in front, where this tokenizer has the habit.
    ///
    /// # Errors
    /// If a part of it is in no token, and there is none for what is unknown.
    pub fn encode(&self, text: &str, begin: bool) -> Result<Encoded, TokenizerError> {
        let mut encoded = Encoded::default();
        if let (true, true, Some(bos)) = (begin, self.begins, self.special.bos) {
            encoded.push(bos, 0..0);
        }
        match &self.coder {
            Coder::Crate(by) => {
                let found = by.encode(text, false).map_err(|e| TokenizerError(e.to_string()))?;
                encoded.ids.extend(found.get_ids());
                encoded.ranges.extend(found.get_offsets().iter().map(|(from, to)| *from..*to));
            }
            Coder::Pieces(by) => by.encode(text, &mut encoded),
        }
        Ok(encoded)
    }

    /// The text of tokens; without those that stand for none. Bytes that are no UTF-8 become `\u{fffd}`.
    pub fn decode(&self, ids: &[u32]) -> String {
        match &self.coder {
            Coder::Crate(by) => by.decode(ids, true).unwrap_or_default(),
            Coder::Pieces(by) => by.decode(ids),
        }
    }

    /// The text of tokens as they come, one after another.
    pub fn stream(&self) -> Streamed<'_> {
        Streamed::new(self)
    }

    /// One more than the largest token.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The token that is written so, as vocabularies write it.
    pub fn token(&self, text: &str) -> Option<u32> {
        match &self.coder {
            Coder::Crate(by) => by.token_to_id(text),
            Coder::Pieces(by) => by.token(text),
        }
    }

    /// How the vocabulary writes a token.
    pub fn written(&self, id: u32) -> Option<String> {
        match &self.coder {
            Coder::Crate(by) => by.id_to_token(id),
            Coder::Pieces(by) => by.written(id).map(str::to_string),
        }
    }

    pub fn special(&self) -> Special {
        self.special
    }

    /// Whether [`encode`](Tokenizer::encode) can put a token for the beginning in front.
    pub fn begins(&self) -> bool {
        self.begins && self.special.bos.is_some()
    }

    /// What rows are filled up with: any token does, as no place that is filled up is looked at.
    pub fn padding(&self) -> u32 {
        self.special.pad.or(self.special.unk).or(self.special.eos).unwrap_or(0)
    }
}

impl Encoded {
    fn push(&mut self, id: u32, range: Range<usize>) {
        self.ids.push(id);
        self.ranges.push(range);
    }
}
