//! SentencePiece's byte-pair encoding, as LLaMA's tokenizers use it: a space is written `▁`, pieces are joined by their
//! scores, and what is in no piece becomes its bytes.

use super::Encoded;
use super::config::Added;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

/// How a space is written in pieces.
const SPACE: char = '\u{2581}';

/// What a piece of the vocabulary is, numbered as SentencePiece and GGUF files number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Byte,
}

impl Kind {
    pub fn numbered(number: i128) -> Option<Kind> {
        Some(match number {
            1 => Kind::Normal,
            2 => Kind::Unknown,
            3 => Kind::Control,
            4 => Kind::UserDefined,
            6 => Kind::Byte,
            _ => return None,
        })
    }
}

/// A piece of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub text: String,
    pub score: f32,
    pub kind: Kind,
}

/// Where a space is put in front of a text that has none there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    Never,
    /// of the whole text
    First,
    /// and of what follows a special token
    Each,
}

/// A vocabulary with its rules.
#[derive(Clone, Debug)]
pub struct Pieces {
    pieces: Vec<Piece>,
    /// of those that texts are joined to
    ids: HashMap<String, u32>,
    bytes: Vec<Option<u32>>,
    unknown: Option<u32>,
    /// cut out before anything else; the longest ones first
    added: Vec<(Added, u32)>,
    /// not to be joined with what stands beside them; the longest ones first
    whole: Vec<String>,
    prefix: Prefix,
}

impl Pieces {
    /// # Errors
    /// What is wrong with the vocabulary.
    pub fn new(pieces: Vec<Piece>, added: Vec<(u32, Added)>, prefix: Prefix) -> Result<Pieces, String> {
        let mut ids = HashMap::new();
        let mut bytes = vec![None; 256];
        let mut unknown = None;
        for (id, piece) in (0u32..).zip(&pieces) {
            match piece.kind {
                Kind::Byte => bytes[usize::from(byte(&piece.text)?)] = Some(id),
                Kind::Unknown => unknown = Some(id),
                Kind::Control => {}
                Kind::Normal | Kind::UserDefined => {
                    if piece.text.is_empty() {
                        return Err(format!("piece {id} is empty"));
                    }
                    if ids.insert(piece.text.clone(), id).is_some() {
                        return Err(format!("`{}` is there twice", piece.text.escape_debug()));
                    }
                }
            }
        }
        if unknown.is_none() && bytes.contains(&None) {
            return Err("it has no piece for what is unknown".into());
        }
        let of_kind = |kind: Kind| pieces.iter().filter(move |p| p.kind == kind);
        let mut whole: Vec<String> = of_kind(Kind::UserDefined).map(|p| p.text.clone()).collect();
        whole.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let mut added: Vec<(Added, u32)> = added.into_iter().map(|(id, added)| (added, id)).collect();
        added.sort_by_key(|(added, _)| std::cmp::Reverse(added.content.len()));
        added.dedup_by(|a, b| a.0.content == b.0.content);
        Ok(Pieces { pieces, ids, bytes, unknown, added, whole, prefix })
    }

    pub fn last(&self) -> Option<u32> {
        let added = self.added.iter().map(|(_, id)| *id).max();
        added.max((self.pieces.len() as u32).checked_sub(1))
    }

    pub fn token(&self, text: &str) -> Option<u32> {
        let added = || self.added.iter().find(|(a, _)| a.content == text).map(|(_, id)| *id);
        let piece = || self.pieces.iter().position(|p| p.text == text).map(|id| id as u32);
        self.ids.get(text).copied().or_else(added).or_else(piece)
    }

    pub fn written(&self, id: u32) -> Option<&str> {
        let added = || self.added.iter().find(|(_, place)| *place == id).map(|(a, _)| a.content.as_str());
        self.pieces.get(id as usize).map(|p| p.text.as_str()).or_else(added)
    }

    pub fn encode(&self, text: &str, encoded: &mut Encoded) {
        let mut from = 0;
        let mut first = true;
        while from < text.len() {
            let found = self.next_added(text, from);
            let (until, next) = found.as_ref().map_or((text.len(), text.len()), |(range, _)| (range.start, range.end));
            if from < until {
                let prefix = self.prefix == Prefix::Each || (self.prefix == Prefix::First && first);
                self.joined(&text[from..until], from, prefix, encoded);
            }
            if let Some((range, id)) = found {
                encoded.push(id, range);
            }
            (from, first) = (next, false);
        }
    }

    /// The first special token in the text, with the space that it takes along.
    fn next_added(&self, text: &str, from: usize) -> Option<(Range<usize>, u32)> {
        let rest = &text[from..];
        let found = self.added.iter().filter_map(|(added, id)| Some((rest.find(&added.content)?, added, *id)));
        // The first one counts, and of several there the longest, which stands first.
        let (at, added, id) = found.min_by_key(|(at, ..)| *at)?;
        let (start, end) = (from + at, from + at + added.content.len());
        let space_before = rest[..at].len() - rest[..at].trim_end().len();
        let space_behind = text[end..].len() - text[end..].trim_start().len();
        let start = if added.lstrip { start - space_before } else { start };
        let end = if added.rstrip { end + space_behind } else { end };
        Some((start..end, id))
    }

    /// The pieces of a text without special tokens that begins at `at` of the whole one.
    fn joined(&self, text: &str, at: usize, prefix: bool, encoded: &mut Encoded) {
        let mut line = Line::new(text, prefix, &self.whole);
        let mut pairs = BinaryHeap::new();
        for left in 0..line.symbols.len().saturating_sub(1) {
            pairs.extend(self.pair(&line, left, left + 1));
        }
        while let Some(pair) = pairs.pop() {
            if !line.join(&pair) {
                continue;
            }
            let merged = line.symbols[pair.left].clone();
            pairs.extend(merged.before.and_then(|before| self.pair(&line, before, pair.left)));
            pairs.extend(merged.behind.and_then(|behind| self.pair(&line, pair.left, behind)));
        }
        let mut unknown = false;
        for symbol in line.symbols.iter().filter(|s| !s.written.is_empty()) {
            let source = at + symbol.source.start..at + symbol.source.end;
            unknown = self.push(&line.written[symbol.written.clone()], source, unknown, encoded);
        }
    }

    fn pair(&self, line: &Line, left: usize, right: usize) -> Option<Pair> {
        let (l, r) = (&line.symbols[left], &line.symbols[right]);
        if l.whole || r.whole {
            return None;
        }
        let id = *self.ids.get(&line.written[l.written.start..r.written.end])?;
        let length = l.written.len() + r.written.len();
        Some(Pair { score: self.pieces[id as usize].score, left, right, length })
    }

    /// The token of a symbol, or those of its bytes. Says whether it is unknown: several in a row are one.
    fn push(&self, written: &str, source: Range<usize>, unknown: bool, encoded: &mut Encoded) -> bool {
        if let Some(id) = self.ids.get(written) {
            encoded.push(*id, source);
            return false;
        }
        let bytes: Option<Vec<u32>> = written.bytes().map(|byte| self.bytes[usize::from(byte)]).collect();
        match (bytes, self.unknown) {
            (Some(ids), _) => ids.into_iter().for_each(|id| encoded.push(id, source.clone())),
            (None, Some(id)) if !unknown => encoded.push(id, source),
            (None, _) => {
                encoded.ranges.last_mut().into_iter().for_each(|range| range.end = source.end);
                return true;
            }
        }
        written.bytes().any(|byte| self.bytes[usize::from(byte)].is_none())
    }

    /// The text of tokens; the space in front, which [`Prefix`] has put there, is taken away.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::new();
        for id in ids {
            match self.pieces.get(*id as usize) {
                Some(Piece { kind: Kind::Byte, text, .. }) => bytes.extend(byte(text).ok()),
                Some(Piece { kind: Kind::Normal | Kind::UserDefined, text, .. }) if !self.is_special(*id) => {
                    bytes.extend(text.replace(SPACE, " ").bytes());
                }
                Some(_) => {}
                None => bytes.extend(self.written(*id).filter(|_| !self.is_special(*id)).unwrap_or("").bytes()),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let prefixed = self.prefix != Prefix::Never;
        text.strip_prefix(' ').filter(|_| prefixed).unwrap_or(&text).to_string()
    }

    fn is_special(&self, id: u32) -> bool {
        self.added.iter().any(|(added, place)| *place == id && added.special)
    }
}

/// `<0x0A>` → 10
fn byte(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>')).filter(|d| d.len() == 2);
    let number = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| format!("`{}` is no byte", text.escape_debug()))
}

/// A text being joined.
struct Line {
    written: String,
    symbols: Vec<Symbol>,
}

#[derive(Clone, Debug)]
struct Symbol {
    /// in the text with `▁`; empty where it was joined to the one before
    written: Range<usize>,
    /// in the text itself
    source: Range<usize>,
    before: Option<usize>,
    behind: Option<usize>,
    whole: bool,
}

impl Line {
    fn new(text: &str, prefix: bool, whole: &[String]) -> Line {
        let mut written = String::with_capacity(text.len() + text.len() / 4 + 3);
        let mut sources = Vec::new();
        let mut put = |c: char, source: Range<usize>| {
            let from = written.len();
            written.push(c);
            sources.push((from..written.len(), source));
        };
        if prefix {
            put(SPACE, 0..0);
        }
        for (at, c) in text.char_indices() {
            put(if c == ' ' { SPACE } else { c }, at..at + c.len_utf8());
        }
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut next = 0;
        while next < sources.len() {
            let start = sources[next].0.start;
            let found = whole.iter().find(|text| written[start..].starts_with(text.as_str()));
            let end = found.map_or(sources[next].0.end, |text| start + text.len());
            let from = sources[next].1.start;
            let mut until = from;
            while next < sources.len() && sources[next].0.end <= end {
                until = sources[next].1.end;
                next += 1;
            }
            let place = symbols.len();
            let behind = (next < sources.len()).then_some(place + 1);
            symbols.push(Symbol {
                written: start..end,
                source: from..until,
                before: place.checked_sub(1),
                behind,
                whole: found.is_some(),
            });
        }
        Line { written, symbols }
    }

    /// Joins the two, if they are still what they were.
    fn join(&mut self, pair: &Pair) -> bool {
        let (left, right) = (self.symbols[pair.left].clone(), self.symbols[pair.right].clone());
        if left.written.is_empty()
            || right.written.is_empty()
            || left.written.len() + right.written.len() != pair.length
        {
            return false;
        }
        let merged = &mut self.symbols[pair.left];
        merged.written.end = right.written.end;
        merged.source.end = right.source.end;
        merged.behind = right.behind;
        if let Some(behind) = right.behind {
            self.symbols[behind].before = Some(pair.left);
        }
        self.symbols[pair.right].written.end = right.written.start;
        true
    }
}

/// Two neighbours that are a piece together: the highest score first, then the leftmost.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Pair) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left)).then(other.length.cmp(&self.length))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Pair) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Pair) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}
