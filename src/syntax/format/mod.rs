//! The canonical form of a text: the same tokens in the same order, with other blanks between them.
//!
//! Tokens are read into pieces (`pieces`: what stands in which brackets and blocks, with every comment in its place), for
//! which the tree says what single tokens are (`marks`). `layout` makes a document of them and holds the style; `doc` breaks it
//! into lines. What comes out is read again (`verify`), so that a mistake here never changes a program.

mod doc;
mod layout;
mod marks;
mod pieces;
#[cfg(test)]
mod tests;
mod verify;

use super::tokens::{Token, TokenKind, tokens};
use super::tree::File;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// Columns of a line.
pub const WIDTH: usize = 100;

/// Which words take a list of unnamed arguments, as `measure clean, robust` does: the place of the first of the list
/// among the unnamed arguments. Only the language knows.
#[derive(Clone, Copy)]
pub struct Lists<'l>(pub &'l dyn Fn(&str) -> Option<usize>);

impl Lists<'_> {
    fn get(&self, word: &str) -> Option<usize> {
        (self.0)(word)
    }
}

/// A text without syntax errors, of this tree, in its canonical form. Byte order mark and kind of line ends stay. An error
/// is a mistake of ours.
pub fn format(text: &str, tree: &File, lists: Lists<'_>) -> Result<String, Box<Diagnostic>> {
    let tokens = tokens(text);
    let marks = marks::marks(text, &tokens, tree, lists);
    let items = pieces::pieces(text, &tokens, &tree.statements, &marks);
    let lines = doc::print(&layout::layout(text, &tokens, &marks.marks, &items), WIDTH);
    let formatted = joined(text, &tokens, &lines);
    if formatted == text {
        return Ok(formatted);
    }
    match verify::difference(text, tree, &formatted) {
        None => Ok(formatted),
        Some(at) => Err(Box::new(internal(text, tree.source, at))),
    }
}

/// The lines as one text, with the mark and line ends of the old one.
fn joined(old: &str, tokens: &[Token], lines: &[String]) -> String {
    let mark = if old.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let first = tokens.iter().find(|t| t.kind == TokenKind::Newline);
    let end = if first.is_some_and(|t| t.text(old) == "\r\n") { "\r\n" } else { "\n" };
    let mut text = String::with_capacity(old.len() + old.len() / 8);
    text.push_str(mark);
    if lines.iter().all(String::is_empty) {
        return text;
    }
    for line in lines {
        text.push_str(line);
        text.push_str(end);
    }
    text
}

/// Our mistake, at the place from which on the new text would say something else.
fn internal(text: &str, file: FileId, at: usize) -> Diagnostic {
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    let message = "formatting would change what the program says from here on, so nothing is changed";
    Diagnostic::new(Code::INTERNAL, Span::new(file, at, at + length), message)
        .help("this is a mistake of fsched, not yours: please report it with this file")
}
