//! SentencePiece's `tokenizer.model`: a protocol buffer (`sentencepiece_model.proto`), of which a few fields matter.

use super::config::{Added, Config};
use super::pieces::{Kind, Piece, Pieces, Prefix};
use super::{Coder, Special, Tokenizer, TokenizerError};
use crate::reading::limits::{PIECE_BYTES, PIECES, TOKENIZER_BYTES};
use crate::reading::whole;
use std::path::Path;

pub fn read(path: &Path) -> Result<Tokenizer, TokenizerError> {
    let config = Config::beside(path)?;
    let bytes = whole(path, TOKENIZER_BYTES).map_err(|e| TokenizerError(e.to_string()))?;
    let model = Model::read(&bytes).map_err(|e| TokenizerError::of(path, e))?;
    model.with(&config).map_err(|e| TokenizerError::of(path, e))
}

/// What the file says.
struct Model {
    pieces: Vec<Piece>,
    /// `trainer_spec.model_type`: 2 is byte-pair encoding
    algorithm: u64,
    special: Special,
    prefix: bool,
    /// `normalizer_spec.precompiled_charsmap` has something in it
    normalizes: bool,
    narrows: bool,
}

impl Model {
    fn read(bytes: &[u8]) -> Result<Model, String> {
        // The defaults of the format, for fields that are not there.
        let special = Special { bos: Some(1), eos: Some(2), pad: None, unk: Some(0) };
        let mut model =
            Model { pieces: Vec::new(), algorithm: 1, special, prefix: true, normalizes: false, narrows: true };
        for field in fields(bytes) {
            match field? {
                (1, Field::Bytes(piece)) => {
                    if model.pieces.len() == PIECES {
                        return Err(format!("it has more than {PIECES} pieces"));
                    }
                    let place = model.pieces.len();
                    model.pieces.push(self::piece(piece).map_err(|e| format!("`pieces[{place}]` {e}"))?);
                }
                (2, Field::Bytes(spec)) => model.trained(spec).map_err(|e| format!("`trainer_spec`: {e}"))?,
                (3, Field::Bytes(spec)) => model.normalized(spec).map_err(|e| format!("`normalizer_spec`: {e}"))?,
                _ => {}
            }
        }
        if model.pieces.is_empty() {
            return Err("it has no `pieces`".into());
        }
        Ok(model)
    }

    fn trained(&mut self, spec: &[u8]) -> Result<(), String> {
        for field in fields(spec) {
            match field? {
                (3, Field::Number(n)) => self.algorithm = n,
                (40, Field::Number(n)) => self.special.unk = id(n),
                (41, Field::Number(n)) => self.special.bos = id(n),
                (42, Field::Number(n)) => self.special.eos = id(n),
                (43, Field::Number(n)) => self.special.pad = id(n),
                _ => {}
            }
        }
        Ok(())
    }

    fn normalized(&mut self, spec: &[u8]) -> Result<(), String> {
        for field in fields(spec) {
            match field? {
                (2, Field::Bytes(map)) => self.normalizes = !map.is_empty(),
                (3, Field::Number(n)) => self.prefix = n != 0,
                (4, Field::Number(n)) => self.narrows = n != 0,
                _ => {}
            }
        }
        Ok(())
    }

    fn with(self, config: &Config) -> Result<Tokenizer, String> {
        if self.algorithm != 2 {
            let name = ["", "unigram", "byte-pair encoding", "words", "characters"].get(self.algorithm as usize);
            let name = name.copied().unwrap_or("unknown");
            return Err(format!(
                "`trainer_spec.model_type` is {} ({name}); 2 is read, byte-pair encoding",
                self.algorithm
            ));
        }
        if self.normalizes {
            return Err("`normalizer_spec.precompiled_charsmap` changes characters, which is not supported".into());
        }
        if self.narrows {
            return Err("`normalizer_spec.remove_extra_whitespaces` is true, which is not supported".into());
        }
        let legacy = config.legacy.unwrap_or(true);
        let prefix = match config.prefix_space.unwrap_or(self.prefix) {
            false => Prefix::Never,
            true if legacy => Prefix::Each,
            true => Prefix::First,
        };
        let (special, added) = specials(&self.pieces, self.special, config)?;
        let pieces = Pieces::new(self.pieces, added, prefix)?;
        Tokenizer::new(Coder::Pieces(Box::new(pieces)), special, config.add_bos.unwrap_or(true))
    }
}

/// The special tokens, and all that are cut out of texts. Those that the configuration names and that are in no vocabulary
/// get the next numbers, as Hugging Face gives them.
fn specials(pieces: &[Piece], own: Special, config: &Config) -> Result<(Special, Vec<(u32, Added)>), String> {
    let mut added = config.added.clone();
    let mut next = added.iter().map(|(id, _)| id + 1).max().unwrap_or(0).max(pieces.len() as u32);
    let named = [(&config.unk, own.unk), (&config.bos, own.bos), (&config.eos, own.eos), (&config.pad, own.pad)];
    let mut ids = [None; 4];
    for ((named, own), slot) in named.into_iter().zip(&mut ids) {
        let Some(token) = named else {
            let Some(piece) = own.and_then(|id| pieces.get(id as usize)) else { continue };
            *slot = own;
            let token = Added { content: piece.text.clone(), special: true, ..Added::default() };
            added.extend(own.map(|id| (id, token)));
            continue;
        };
        let there = added.iter().find(|(_, a)| a.content == token.content).map(|(id, _)| *id);
        let piece = || pieces.iter().position(|p| p.text == token.content).map(|id| id as u32);
        let id = there.or_else(piece).unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        *slot = Some(id);
        if there.is_none() {
            added.push((id, token.clone()));
        }
    }
    let most = pieces.len() + added.len();
    if let Some((id, _)) = added.iter().find(|(id, _)| *id as usize > most) {
        return Err(format!("`added_tokens_decoder` has {id}, and there are {} pieces", pieces.len()));
    }
    let [unk, bos, eos, pad] = ids;
    Ok((Special { bos, eos, pad, unk }, added))
}

fn piece(bytes: &[u8]) -> Result<Piece, String> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: Kind::Normal };
    for field in fields(bytes) {
        match field? {
            (1, Field::Bytes(text)) if text.len() > PIECE_BYTES => {
                return Err(format!("has {} bytes; at most {PIECE_BYTES} are read", text.len()));
            }
            (1, Field::Bytes(text)) => piece.text = String::from_utf8(text.to_vec()).map_err(|_| "is not UTF-8")?,
            (2, Field::Four(bits)) => piece.score = f32::from_bits(bits),
            (3, Field::Number(n)) => {
                piece.kind = Kind::numbered(n.into()).ok_or_else(|| format!("has the type {n}, which is not read"))?;
            }
            _ => {}
        }
    }
    Ok(piece)
}

/// An id, or -1 for none.
fn id(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|id| *id < u32::MAX)
}

enum Field<'a> {
    Number(u64),
    Four(u32),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message with their numbers.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<(u64, Field<'_>), String>> {
    std::iter::from_fn(move || {
        let found = (!rest.is_empty()).then(|| field(&mut rest).ok_or("it is no sound protocol buffer".to_string()));
        if matches!(found, Some(Err(_))) {
            rest = &[];
        }
        found
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = number(rest)?;
    let field = match key & 7 {
        0 => Field::Number(number(rest)?),
        1 => {
            rest.split_off(..8)?;
            Field::Other
        }
        2 => {
            let length = usize::try_from(number(rest)?).ok()?;
            Field::Bytes(rest.split_off(..length)?)
        }
        5 => Field::Four(u32::from_le_bytes(rest.split_off(..4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((key >> 3, field))
}

/// Seven bits a byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
