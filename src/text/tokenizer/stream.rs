//! The text of tokens as they come: none of it is taken back, and no character comes in parts.

use super::Tokenizer;

/// What a decoder gives for bytes that are no character, or not yet.
const BROKEN: char = '\u{fffd}';

/// The text so far, for tokens that come one after another.
#[derive(Debug)]
pub struct Streamed<'a> {
    tokenizer: &'a Tokenizer,
    /// those that the next text depends on
    ids: Vec<u32>,
    /// of them, how many have been shown
    shown: usize,
    /// what those give
    before: String,
}

impl<'a> Streamed<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer) -> Streamed<'a> {
        Streamed { tokenizer, ids: Vec::new(), shown: 0, before: String::new() }
    }

    /// What the token adds to the text: nothing, where its character is not complete.
    pub fn push(&mut self, id: u32) -> String {
        self.ids.push(id);
        let text = self.tokenizer.decode(&self.ids);
        // A character has four bytes at most, so what is broken for longer stays so.
        let waits = text.ends_with(BROKEN) && self.ids.len() - self.shown < 4;
        if waits { String::new() } else { self.show(text) }
    }

    /// What is left when no more come.
    pub fn finish(&mut self) -> String {
        let text = self.tokenizer.decode(&self.ids);
        self.show(text)
    }

    fn show(&mut self, text: String) -> String {
        let new = text.strip_prefix(self.before.as_str()).unwrap_or_default().to_string();
        // What was shown last stays, since a space in front depends on it.
        self.ids.drain(..self.shown);
        self.shown = self.ids.len();
        self.before = self.tokenizer.decode(&self.ids);
        new
    }
}
