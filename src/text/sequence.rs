//! Conversations as rows of numbers: what the decoder reads, and which of it is learned.

use super::IGNORED;
use super::item::Item;
use super::template::{Rendered, Template};
use super::tokenizer::{Encoded, Tokenizer};

/// A conversation in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    pub ids: Vec<u32>,
    /// for each token itself, as Hugging Face has them (not the one behind it): the token, where it belongs to an answer,
    /// else [`IGNORED`]
    pub targets: Vec<u32>,
    /// the picture comes before this token
    pub image_at: Option<usize>,
}

/// How much a row takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// places of the decoder, those of the picture counted
    pub max_length: usize,
    /// places that a picture takes
    pub picture: usize,
}

/// Makes sequences of items.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    tokenizer: &'a Tokenizer,
    template: Template,
    room: Room,
    end: String,
    stop: u32,
}

impl<'a> Writer<'a> {
    /// # Errors
    /// If the template ends answers with what is no token of this tokenizer.
    pub fn new(tokenizer: &'a Tokenizer, template: Template, room: Room) -> Result<Writer<'a>, String> {
        let (end, stop) = template.end(tokenizer)?;
        Ok(Writer { tokenizer, template, room, end, stop })
    }

    /// The token at which an answer is over.
    pub fn stop(&self) -> u32 {
        self.stop
    }

    /// What fills rows up.
    pub fn padding(&self) -> u32 {
        self.tokenizer.padding()
    }

    /// The conversation to learn from; what is longer than the room is cut off at the end.
    ///
    /// # Errors
    /// If the picture has no room, or nothing of an answer has, in a sentence that names the item.
    pub fn training(&self, item: &Item) -> Result<Sequence, String> {
        let mut sequence = self.sequence(&self.template.training(item, &self.end), item)?;
        self.cut(&mut sequence, item)?;
        match sequence.targets.iter().all(|target| *target == IGNORED) {
            true => Err(format!("`{}`: none of its answers has room in {} places", item.id, self.room.max_length)),
            false => Ok(sequence),
        }
    }

    /// The conversation up to the answer that is to be generated, all of it.
    ///
    /// # Errors
    /// If it has no room, in a sentence that names the item.
    pub fn prompt(&self, item: &Item) -> Result<Sequence, String> {
        let sequence = self.sequence(&self.template.prompt(item, &self.end), item)?;
        let length = sequence.length(self.room.picture);
        match length > self.room.max_length {
            true => Err(format!("`{}` takes {length} places; there are {}", item.id, self.room.max_length)),
            false => Ok(sequence),
        }
    }

    /// LLaVA cuts texts at the picture and makes tokens of each part alone, so a tokenizer that puts a space in front of
    /// texts does so behind the picture too.
    fn sequence(&self, rendered: &Rendered, item: &Item) -> Result<Sequence, String> {
        let encode = |text: &str, begin: bool| {
            self.tokenizer.encode(text, begin).map_err(|e| format!("`{}` cannot be written in tokens: {e}", item.id))
        };
        let Some(at) = rendered.picture else {
            return Ok(masked(encode(&rendered.text, true)?, rendered, None));
        };
        let (before, behind) = rendered.text.split_at(at);
        let mut encoded = encode(before, true)?;
        let place = encoded.ids.len();
        let rest = encode(behind, false)?;
        encoded.ids.extend(rest.ids);
        encoded.ranges.extend(rest.ranges.into_iter().map(|range| range.start + at..range.end + at));
        Ok(masked(encoded, rendered, Some(place)))
    }

    fn cut(&self, sequence: &mut Sequence, item: &Item) -> Result<(), String> {
        let most = match sequence.image_at {
            None => self.room.max_length,
            Some(at) if at + self.room.picture > self.room.max_length => {
                let Room { max_length, picture } = self.room;
                return Err(format!("`{}`: its picture takes {picture} of {max_length} places, behind {at}", item.id));
            }
            Some(_) => self.room.max_length - self.room.picture,
        };
        sequence.ids.truncate(most);
        sequence.targets.truncate(most);
        Ok(())
    }
}

/// A token is learned if it begins within an answer. One that begins before it cannot be told from what it stands in
/// when the answer is generated.
fn masked(encoded: Encoded, rendered: &Rendered, image_at: Option<usize>) -> Sequence {
    let learned = |range: &std::ops::Range<usize>| {
        rendered.answers.iter().any(|answer| answer.contains(&range.start) && range.end > answer.start)
    };
    let each = encoded.ids.iter().zip(&encoded.ranges);
    let targets = each.map(|(id, range)| if learned(range) { *id } else { IGNORED }).collect();
    Sequence { ids: encoded.ids, targets, image_at }
}

impl Sequence {
    /// Places in the decoder, if a picture takes so many.
    pub fn length(&self, picture: usize) -> usize {
        self.ids.len() + self.image_at.map_or(0, |_| picture)
    }

    /// How many tokens are learned.
    pub fn learned(&self) -> usize {
        self.targets.iter().filter(|target| **target != IGNORED).count()
    }
}

/// On which side rows are filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// for generation: all rows end at the same place
    Left,
    /// for training
    Right,
}

/// Sequences of one width, pictures expanded. Attention follows `starts` and `lengths`, never the ids: a token that rows
/// are filled up with may stand in a text too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub rows: usize,
    pub width: usize,
    /// rows · width; places of pictures and those filled up hold the padding
    pub ids: Vec<u32>,
    /// likewise, aligned as [`Sequence::targets`]
    pub targets: Vec<u32>,
    /// where each row begins, and how many places it has
    pub starts: Vec<usize>,
    pub lengths: Vec<usize>,
    /// for each picture its row, and where it begins there; its places follow each other
    pub pictures: Vec<(usize, usize)>,
}

impl Batch {
    /// Rows as wide as the longest one; a picture takes `picture` places.
    pub fn new(sequences: &[Sequence], picture: usize, padding: u32, side: Side) -> Batch {
        let lengths: Vec<usize> = sequences.iter().map(|s| s.length(picture)).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let places = sequences.len() * width;
        let mut batch = Batch {
            rows: sequences.len(),
            width,
            ids: vec![padding; places],
            targets: vec![IGNORED; places],
            starts: Vec::new(),
            lengths,
            pictures: Vec::new(),
        };
        for (row, sequence) in sequences.iter().enumerate() {
            let start = if side == Side::Left { width - batch.lengths[row] } else { 0 };
            batch.starts.push(start);
            batch.write(row, start, sequence, picture);
        }
        batch
    }

    fn write(&mut self, row: usize, start: usize, sequence: &Sequence, picture: usize) {
        let at = sequence.image_at.map_or(sequence.ids.len(), |at| at.min(sequence.ids.len()));
        let behind = start + at + if sequence.image_at.is_some() { picture } else { 0 };
        self.pictures.extend(sequence.image_at.map(|_| (row, start + at)));
        for (part, place) in [(0..at, start), (at..sequence.ids.len(), behind)] {
            let place = row * self.width + place;
            self.ids[place..place + part.len()].copy_from_slice(&sequence.ids[part.clone()]);
            self.targets[place..place + part.len()].copy_from_slice(&sequence.targets[part]);
        }
    }

    /// The position of each place in its own row, from 0 at its start; 0 where it is filled up.
    pub fn positions(&self) -> Vec<u32> {
        let row = |row: usize| {
            let (start, length) = (self.starts[row], self.lengths[row]);
            (0..self.width).map(move |place| match place.checked_sub(start) {
                Some(position) if position < length => position as u32,
                _ => 0,
            })
        };
        (0..self.rows).flat_map(row).collect()
    }
}

#[cfg(test)]
mod tests;
