//! A small vocabulary trained here, so that nothing has to be fetched: pairs of bytes, as GPT-2 has them.

use super::tokenizer::{Added, Config, Tokenizer, TokenizerError, made};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// The special tokens, in order from 0: what rows are filled up with, the beginning and the end of a text, and the marks
/// of the template `chatml`.
pub const SPECIAL: [&str; 5] = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"];

/// The least that a vocabulary holds: the special tokens and all bytes.
pub const LEAST: usize = SPECIAL.len() + 256;

/// A vocabulary of at most `size` tokens: those of [`LEAST`] and pairs that are frequent in the texts, the most frequent
/// one first, of equal ones that of the smallest tokens. It is smaller where the texts have no more pairs.
///
/// # Errors
/// If `size` is below [`LEAST`].
pub fn trained<'a>(texts: impl IntoIterator<Item = &'a str>, size: usize) -> Result<Tokenizer, TokenizerError> {
    if size < LEAST {
        return Err(TokenizerError(format!(
            "a vocabulary of {size} tokens is too small: the bytes alone need {LEAST}"
        )));
    }
    let alphabet = alphabet();
    let place: HashMap<char, u32> = alphabet.iter().copied().zip(SPECIAL.len() as u32..).collect();
    let mut written: Vec<String> = SPECIAL.iter().map(|s| s.to_string()).collect();
    written.extend(alphabet.iter().map(char::to_string));
    let words = words(texts)?;
    let symbols = words.iter().map(|(word, count)| (word.chars().map(|c| place[&c]).collect(), *count)).collect();
    let mut joined = Joined::new(symbols);
    let mut merges = Vec::new();
    let mut known: HashSet<String> = written.iter().cloned().collect();
    while written.len() < size {
        let Some((left, right)) = joined.most_frequent() else { break };
        let pair = [&written[left as usize], &written[right as usize]].map(String::clone);
        let token = pair.concat();
        // Two pairs may give the same text, of which a vocabulary has one token: the second pair stays apart.
        if !known.insert(token.clone()) {
            joined.forget((left, right));
            continue;
        }
        joined.merge((left, right), written.len() as u32);
        written.push(token);
        merges.push(pair);
    }
    build(&written, &merges)
}

fn build(written: &[String], merges: &[[String; 2]]) -> Result<Tokenizer, TokenizerError> {
    let added: Vec<_> = (SPECIAL.iter().enumerate())
        .map(|(id, content)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        written.iter().zip(0u32..).map(|(token, id)| (token.clone(), id.into())).collect();
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true});
    let text = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": bytes, "post_processor": null, "decoder": bytes,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocabulary, "merges": merges},
    });
    let token = |id: usize| Some(Added { content: SPECIAL[id].into(), special: true, ..Added::default() });
    let config = Config { pad: token(0), bos: token(1), eos: token(2), add_bos: Some(true), ..Config::default() };
    made(text, &config).map_err(TokenizerError)
}

/// The characters by which byte-level vocabularies write the 256 bytes: printable ones themselves, others from 256 on.
fn alphabet() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut others = 256u32..;
    let written = |byte: u32| if printable(byte) { Some(byte) } else { others.next() };
    (0..256).filter_map(written).filter_map(char::from_u32).collect()
}

/// How often each word is in the texts; a word has the space before it.
fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, u64>, TokenizerError> {
    let cut = ByteLevel::new(false, false, true);
    let mut words = BTreeMap::new();
    for text in texts {
        let mut pieces = PreTokenizedString::from(text);
        cut.pre_tokenize(&mut pieces).map_err(|e| TokenizerError(e.to_string()))?;
        for (word, ..) in pieces.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            *words.entry(word.to_string()).or_insert(0) += 1;
        }
    }
    Ok(words)
}

type Pair = (u32, u32);

/// Words as tokens, and which pairs stand in them.
struct Joined {
    words: Vec<(Vec<u32>, u64)>,
    counts: HashMap<Pair, u64>,
    places: HashMap<Pair, HashSet<usize>>,
}

impl Joined {
    fn new(words: Vec<(Vec<u32>, u64)>) -> Joined {
        let mut joined = Joined { words: Vec::new(), counts: HashMap::new(), places: HashMap::new() };
        for (place, (tokens, count)) in words.into_iter().enumerate() {
            joined.count(place, &tokens, count);
            joined.words.push((tokens, count));
        }
        joined
    }

    fn count(&mut self, place: usize, tokens: &[u32], count: u64) {
        for pair in tokens.windows(2).map(|w| (w[0], w[1])) {
            *self.counts.entry(pair).or_insert(0) += count;
            self.places.entry(pair).or_default().insert(place);
        }
    }

    /// One that stands in the texts more than once.
    fn most_frequent(&self) -> Option<Pair> {
        let best = self.counts.iter().max_by_key(|(pair, count)| (**count, std::cmp::Reverse(**pair)));
        best.filter(|(_, count)| **count > 1).map(|(pair, _)| *pair)
    }

    fn forget(&mut self, pair: Pair) {
        self.counts.remove(&pair);
        self.places.remove(&pair);
    }

    fn merge(&mut self, pair: Pair, token: u32) {
        for place in self.places.remove(&pair).unwrap_or_default() {
            let (tokens, count) = std::mem::take(&mut self.words[place]);
            for old in tokens.windows(2).map(|w| (w[0], w[1])) {
                if let Some(n) = self.counts.get_mut(&old) {
                    *n -= (*n).min(count);
                }
            }
            let mut merged = Vec::with_capacity(tokens.len());
            let mut rest = tokens.as_slice();
            while let Some((first, behind)) = rest.split_first() {
                let here = behind.first().is_some_and(|second| (*first, *second) == pair);
                merged.push(if here { token } else { *first });
                rest = if here { &behind[1..] } else { behind };
            }
            self.count(place, &merged, count);
            self.words[place] = (merged, count);
        }
        self.counts.remove(&pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] =
        ["is this a shirt? no", "is this a bag? yes, this is a bag", "how many shirts are there? two"];

    #[test]
    fn texts_come_back_whatever_is_in_them() {
        let tokenizer = trained(TEXTS, 300).unwrap();
        assert!((LEAST + 5..=300).contains(&tokenizer.size()), "{}", tokenizer.size());
        for text in ["is this a bag? two", " zwölf\n\n\tBälle \u{1f980}!", ""] {
            let encoded = tokenizer.encode(text, true).unwrap();
            assert_eq!(encoded.ids[0], 1);
            assert_eq!(tokenizer.decode(&encoded.ids), text);
        }
        let short = tokenizer.encode("this is a bag", false).unwrap();
        assert!(short.ids.len() <= 7, "{:?}", short.ids);
    }

    #[test]
    fn the_most_frequent_pairs_come_first_and_always_the_same() {
        let merged = |texts: &[&str]| -> Vec<Option<String>> {
            let tokenizer = trained(texts.iter().copied(), LEAST + 4).unwrap();
            (LEAST as u32..LEAST as u32 + 4).map(|id| tokenizer.written(id)).collect()
        };
        // `ab` is there four times; then the space before it three times, of which `c` follows twice.
        let tokens = merged(&["abc abc abcd ab"]).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(tokens, ["ab", "\u{120}ab", "\u{120}abc"]);
        let other: Vec<&str> = TEXTS.iter().rev().copied().collect();
        assert_eq!(merged(&TEXTS), merged(&other));
    }

    #[test]
    fn marks_of_templates_are_one_token() {
        let tokenizer = trained(TEXTS, LEAST).unwrap();
        let encoded = tokenizer.encode("<|im_start|>a</s>", false).unwrap();
        assert_eq!(encoded.ids, [3, LEAST as u32 - 256 + u32::from(b'a'), 2]);
        assert_eq!(encoded.ranges, [0..12, 12..13, 13..17]);
        let error = trained(TEXTS, 100).unwrap_err().to_string();
        assert_eq!(error, "a vocabulary of 100 tokens is too small: the bytes alone need 261");
    }
}
