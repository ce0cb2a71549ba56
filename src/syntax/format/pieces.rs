//! A text in pieces: statements, brackets and blocks within each other, with every token and comment in its place.

use super::marks::Marks;
use crate::syntax::tokens::{Token, TokenKind};
use crate::syntax::tree::{Block, Statement};

/// A part of a statement or entry. Numbers are indexes of tokens.
pub enum Piece {
    Token(usize),
    /// A comment in the midst of something, and whether it has a line of its own.
    Comment(usize, bool),
    /// `( … )` or `[ … ]`
    Bracket(Bracket),
    /// `{ … }`
    Block(Bracket),
}

/// Brackets or a block, and what is in them.
pub struct Bracket {
    pub open: usize,
    pub close: usize,
    pub items: Items,
}

/// Entries of brackets, statements of a block or file.
#[derive(Default)]
pub struct Items {
    /// The comment behind the opener, on its line.
    pub head: Option<usize>,
    pub list: Vec<Item>,
    /// Whether the author began a line behind the opener.
    pub opened: bool,
    /// Whether the author ended any line within.
    pub lines: bool,
    /// Whether a comment stands directly within.
    pub comments: bool,
}

/// One of them.
pub struct Item {
    /// Whether an empty line stands before it.
    pub apart: bool,
    /// Whether it begins a line.
    pub new_line: bool,
    pub kind: ItemKind,
}

/// What stands on a line, or on several that belong together.
pub enum ItemKind {
    /// A comment on a line of its own.
    Comment(usize),
    /// An entry or statement, and the comment that ends its line.
    Entry(Vec<Piece>, Option<usize>),
}

/// Takes a text without syntax errors apart.
pub fn pieces(text: &str, tokens: &[Token], statements: &[Statement], marks: &Marks<'_>) -> Items {
    let mut reader = Reader { text, tokens, marks, at: 0, lines: 0 };
    reader.skip_lines();
    reader.body(statements)
}

struct Reader<'r> {
    text: &'r str,
    tokens: &'r [Token],
    marks: &'r Marks<'r>,
    /// The next token that is no newline.
    at: usize,
    /// Line ends right before it.
    lines: usize,
}

impl Items {
    /// Puts a comment where it stands: behind the opener, at the end of an entry's line, or on its own line.
    fn comment(&mut self, index: usize, lines: usize, opener: bool) {
        self.comments = true;
        match self.list.last_mut() {
            None if lines == 0 && opener && self.head.is_none() => self.head = Some(index),
            Some(Item { kind: ItemKind::Entry(_, trailing @ None), .. }) if lines == 0 => *trailing = Some(index),
            _ => self.list.push(Item { apart: lines > 1, new_line: true, kind: ItemKind::Comment(index) }),
        }
    }

    fn entry(&mut self, pieces: Vec<Piece>, lines: usize) {
        let trailing = |i: &Item| !matches!(i.kind, ItemKind::Entry(_, None));
        let new_line = lines > 0 || self.list.last().is_some_and(trailing);
        self.list.push(Item { apart: lines > 1, new_line, kind: ItemKind::Entry(pieces, None) });
    }
}

impl Reader<'_> {
    fn here(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn text_here(&self) -> &str {
        self.here().map_or("", |t| t.text(self.text))
    }

    fn is_comment(&self) -> bool {
        self.here().is_some_and(|t| t.kind == TokenKind::Comment)
    }

    fn next(&mut self) -> usize {
        self.at += 1;
        self.skip_lines();
        self.at
    }

    fn skip_lines(&mut self) {
        self.lines = 0;
        while self.here().is_some_and(|t| t.kind == TokenKind::Newline) {
            self.at += 1;
            self.lines += 1;
        }
    }

    /// The statements of a file, or of a block up to its `}`.
    fn body(&mut self, statements: &[Statement]) -> Items {
        let in_block = self.at > 0 && self.text_before() == "{";
        let mut items = Items { opened: self.lines > 0, ..Items::default() };
        let mut rest = statements.iter();
        let mut lines = 0;
        while let Some(token) = self.here() {
            lines += self.lines;
            items.lines |= self.lines > 0;
            match self.text_here() {
                "}" if in_block => break,
                ";" => {
                    self.next();
                    continue;
                }
                _ if self.is_comment() => {
                    items.comment(self.at, lines, in_block);
                    self.next();
                }
                _ => {
                    let end = rest.find(|s| s.span.end > token.start).map_or(token.end, |s| s.span.end);
                    let first = self.at;
                    let statement = self.pieces(end);
                    items.lines |= self.tokens[first..self.at.min(self.tokens.len())]
                        .iter()
                        .any(|t| t.kind == TokenKind::Newline && t.start < end);
                    items.entry(statement, lines);
                }
            }
            lines = 0;
        }
        items
    }

    /// What the last token but newlines says.
    fn text_before(&self) -> &str {
        let code = |t: &&Token| t.kind != TokenKind::Newline;
        self.tokens[..self.at.min(self.tokens.len())].iter().rev().find(code).map_or("", |t| t.text(self.text))
    }

    /// The pieces up to a byte.
    fn pieces(&mut self, end: u32) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while self.here().is_some_and(|t| t.start < end) {
            pieces.push(self.piece());
        }
        pieces
    }

    fn piece(&mut self) -> Piece {
        let index = self.at;
        if self.is_comment() {
            let own = self.lines > 0;
            self.next();
            return Piece::Comment(index, own);
        }
        match self.text_here() {
            "(" | "[" => Piece::Bracket(self.bracket()),
            "{" => match self.here().and_then(|t| self.marks.blocks.get(&t.start).copied()) {
                Some(block) => Piece::Block(self.block(block)),
                None => {
                    self.next();
                    Piece::Token(index)
                }
            },
            _ => {
                self.next();
                Piece::Token(index)
            }
        }
    }

    fn block(&mut self, block: &Block) -> Bracket {
        let open = self.at;
        self.next();
        let items = self.body(&block.statements);
        let close = self.at;
        self.next();
        Bracket { open, close, items }
    }

    /// Brackets with entries between commas.
    fn bracket(&mut self) -> Bracket {
        let open = self.at;
        self.next();
        let mut items = Items { opened: self.lines > 0, ..Items::default() };
        let mut lines = 0;
        while self.here().is_some() && ![")", "]"].contains(&self.text_here()) {
            lines += self.lines;
            if self.is_comment() {
                items.comment(self.at, lines, true);
                self.next();
            } else if self.text_here() == "," {
                self.next();
                continue;
            } else {
                let (entry, comments) = self.entry();
                items.comments |= entry.iter().any(|p| matches!(p, Piece::Comment(..)));
                items.entry(entry, lines);
                comments.into_iter().for_each(|(index, lines)| items.comment(index, lines, true));
            }
            lines = 0;
        }
        let close = self.at;
        self.next();
        Bracket { open, close, items }
    }

    /// One entry, and the comments between it and its comma or the closer, each with the line ends before it.
    fn entry(&mut self) -> (Vec<Piece>, Vec<(usize, usize)>) {
        let mut pieces = Vec::new();
        let mut comments = Vec::new();
        while self.here().is_some() && ![")", "]", ","].contains(&self.text_here()) {
            if self.is_comment() {
                comments.push((self.at, self.lines));
                self.next();
            } else {
                pieces.extend(comments.drain(..).map(|(index, lines)| Piece::Comment(index, lines > 0)));
                pieces.push(self.piece());
            }
        }
        (pieces, comments)
    }
}
