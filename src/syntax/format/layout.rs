//! Pieces → document: the style.

use super::doc::{Doc, Docs};
use super::marks::{Comma, Mark};
use super::pieces::{Bracket, Item, ItemKind, Items, Piece};
use crate::syntax::build::HOSTS;
use crate::syntax::tokens::Token;

/// Columns by which a block, or the entries of brackets, go right.
const INDENT: usize = 2;

/// Columns by which a statement that goes on in the next line goes right: more than a block does.
const CONTINUED: usize = 4;

/// The document of a file.
pub fn layout<'t>(text: &'t str, tokens: &[Token], marks: &[Mark], items: &Items) -> Docs<'t> {
    let layout = Layout { text, tokens, marks };
    let mut docs = Docs::default();
    layout.runs(&items.list, Style::Statements, &mut docs);
    docs
}

/// How items are separated.
#[derive(Clone, Copy)]
enum Style {
    /// By new lines, or `;` where they share one.
    Statements,
    /// By commas, with one behind the last where they are broken.
    Entries,
    /// One value alone.
    Value,
}

impl Style {
    /// What stands between two items on one line.
    fn between(self) -> Doc<'static> {
        match self {
            Style::Statements => Doc::IfFlat(";"),
            Style::Entries | Style::Value => Doc::Text(","),
        }
    }

    /// Whether a comma ends the lines of items that are broken; of the last too.
    fn ends_lines(self) -> bool {
        matches!(self, Style::Entries)
    }
}

/// What comes before a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Nothing,
    Blank,
    Line,
}

struct Layout<'t, 'l> {
    text: &'t str,
    tokens: &'l [Token],
    marks: &'l [Mark],
}

impl<'t> Layout<'t, '_> {
    fn text(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |t| t.text(self.text))
    }

    fn comment(&self, index: usize) -> &'t str {
        self.text(index).trim_end()
    }

    fn mark(&self, index: usize) -> Mark {
        self.marks.get(index).copied().unwrap_or_default()
    }

    /// Whether a blank stands between two tokens that follow each other.
    fn stand_apart(&self, before: usize, behind: usize) -> bool {
        let (left, right) = (self.text(before), self.text(behind));
        let touch = matches!(left, "(" | "[" | ".") || matches!(right, ")" | "]" | "," | ":" | ".");
        !touch && !self.mark(before).after && !self.mark(behind).before
    }

    /// Items in lines as the author grouped them: those that share a line go on doing so while they fit.
    fn runs(&self, list: &[Item], style: Style, docs: &mut Docs<'t>) {
        let mut at = 0;
        while at < list.len() {
            if self.block_severed(list, at) {
                docs.push(Doc::Text(";"));
            }
            match (&list[at], at) {
                (_, 0) => {}
                (item, _) if item.apart || self.block_apart(list, at) => docs.push(Doc::Empty),
                _ => docs.push(Doc::Hard),
            }
            let pragma_above = at > 0 && matches!(&list[at - 1].kind, ItemKind::Comment(c) if self.is_pragma(*c));
            if let ItemKind::Comment(index) = list[at].kind {
                docs.push(Doc::Text(self.comment(index)));
                at += 1;
                continue;
            }
            let length = 1 + list[at + 1..].iter().take_while(|i| !i.new_line).count();
            self.run(&list[at..at + length], style, pragma_above, docs);
            at += length;
        }
    }

    /// Items of one line. One with a pragma stays as it is, because a pragma holds for its line.
    fn run(&self, run: &[Item], style: Style, pragma_above: bool, docs: &mut Docs<'t>) {
        let mut group = Docs::default();
        let mut comment = None;
        for (i, item) in run.iter().enumerate() {
            let ItemKind::Entry(pieces, trailing) = &item.kind else { continue };
            if i > 0 {
                group.push(if self.block_severed(run, i) { Doc::Text(";") } else { style.between() });
                group.push(if self.block_apart(run, i) { Doc::LineApart } else { Doc::Line });
            }
            group.append(self.statement(pieces));
            comment = *trailing;
        }
        if style.ends_lines() {
            group.push(Doc::Text(","));
        }
        let pragma = pragma_above || comment.is_some_and(|c| self.is_pragma(c));
        docs.push(if pragma { Doc::Unbroken(group) } else { Doc::Group(group) });
        docs.append(self.trailing(comment));
    }

    /// Whether the item is a bare block (or the comment above it) which, on the line below a step, would be taken for the
    /// step's own, so that an empty line stands between them.
    fn block_apart(&self, list: &[Item], at: usize) -> bool {
        self.block_behind(list, at, |word, _| HOSTS.contains(&word))
    }

    /// The same below a `repeat` without a block, which takes any block that follows: only a `;` keeps them apart.
    fn block_severed(&self, list: &[Item], at: usize) -> bool {
        self.block_behind(list, at, |word, step| word == "repeat" && !step.iter().any(|p| matches!(p, Piece::Block(_))))
    }

    /// Whether the item, or what is below this comment, is a bare block, and the one before it such a statement.
    fn block_behind(&self, list: &[Item], at: usize, such: impl Fn(&str, &[Piece]) -> bool) -> bool {
        let Some(ItemKind::Entry(step, _)) = at.checked_sub(1).map(|before| &list[before].kind) else { return false };
        let next = list[at..].iter().find_map(|i| match &i.kind {
            ItemKind::Entry(pieces, _) => Some(pieces),
            ItemKind::Comment(_) => None,
        });
        let is_block = next.is_some_and(|pieces| matches!(pieces.first(), Some(Piece::Block(_))));
        is_block && matches!(step.first(), Some(Piece::Token(i)) if such(self.text(*i), step))
    }

    fn trailing(&self, comment: Option<usize>) -> Docs<'t> {
        let mut docs = Docs::default();
        comment.into_iter().for_each(|c| docs.push(Doc::Trailing(self.comment(c))));
        docs
    }

    fn is_pragma(&self, comment: usize) -> bool {
        self.text(comment).trim_start_matches('#').trim_start().starts_with("fsched:")
    }

    /// A statement, or an entry, which has no blocks.
    fn statement(&self, pieces: &[Piece]) -> Docs<'t> {
        let is_if = matches!(pieces.first(), Some(Piece::Token(i)) if self.text(*i) == "if");
        let mut docs = Docs::default();
        let mut rest = pieces;
        let mut lead = Lead::Nothing;
        while !rest.is_empty() {
            let header = rest.iter().take_while(|p| !matches!(p, Piece::Block(_))).count();
            let (head, behind) = rest.split_at(header);
            let begun = if head.is_empty() { head } else { self.begin(head, lead, &mut docs) };
            docs.append(self.header(begun));
            if let Some((Piece::Block(block), behind)) = behind.split_first() {
                if !head.is_empty() || lead == Lead::Blank {
                    docs.push(Doc::Text(" "));
                }
                let block = self.block(block);
                // The arms of an `if` are broken together.
                if is_if {
                    docs.append(block)
                } else {
                    docs.push(Doc::Group(block))
                }
                rest = behind;
            } else {
                rest = &[];
            }
            lead = Lead::Blank;
        }
        if is_if { docs.grouped() } else { docs }
    }

    /// What stands before a block, or a statement without one: it may be broken behind its commas.
    fn header(&self, pieces: &[Piece]) -> Docs<'t> {
        self.broken_behind(pieces, &|p| self.ends_with_comma(p), &|p| self.chain(p))
    }

    fn ends_with_comma(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Token(i) => match self.mark(*i).comma {
                Comma::AsWritten => self.text(*i) == ",",
                Comma::Drop => false,
                Comma::After => true,
            },
            Piece::Bracket(b) => self.mark(b.close).comma == Comma::After,
            _ => false,
        }
    }

    /// An expression, or several: they may be broken behind their loosest operators.
    fn chain(&self, pieces: &[Piece]) -> Docs<'t> {
        let level = |p: &Piece| if let Piece::Token(i) = p { self.mark(*i).level } else { None };
        // The operator at the end of a part is the one behind which it was broken.
        let within = pieces.split_last().map_or(pieces, |(_, within)| within);
        match within.iter().filter_map(level).min() {
            None => self.inline(pieces),
            loosest => self.broken_behind(pieces, &|p| level(p) == loosest, &|p| self.chain(p)),
        }
    }

    fn broken_behind(
        &self,
        pieces: &[Piece],
        ends: &dyn Fn(&Piece) -> bool,
        part: &dyn Fn(&[Piece]) -> Docs<'t>,
    ) -> Docs<'t> {
        let mut parts = pieces.split_inclusive(ends);
        let mut docs = part(parts.next().unwrap_or_default());
        let mut rest = Docs::default();
        for pieces in parts {
            let begun = self.begin(pieces, Lead::Line, &mut rest);
            rest.append(part(begun));
        }
        docs.push(Doc::Nest(CONTINUED, rest));
        docs.grouped()
    }

    /// What comes before a part: a blank or line, and the comments above it, behind which it begins a line. Gives the rest.
    fn begin<'p>(&self, pieces: &'p [Piece], lead: Lead, docs: &mut Docs<'t>) -> &'p [Piece] {
        let comments = pieces.iter().take_while(|p| matches!(p, Piece::Comment(..))).count();
        let (comments, rest) = pieces.split_at(comments);
        for piece in comments {
            match piece {
                Piece::Comment(index, true) => {
                    docs.push(Doc::Hard);
                    docs.push(Doc::Text(self.comment(*index)));
                }
                Piece::Comment(index, false) => docs.push(Doc::Trailing(self.comment(*index))),
                _ => {}
            }
        }
        match lead {
            _ if !comments.is_empty() => docs.push(Doc::Hard),
            Lead::Nothing => {}
            Lead::Blank => docs.push(Doc::Text(" ")),
            Lead::Line => docs.push(Doc::Line),
        }
        rest
    }

    /// Tokens and brackets one after the other; behind a comment they go on in the next line.
    fn inline(&self, pieces: &[Piece]) -> Docs<'t> {
        let mut docs = Docs::default();
        let mut before: Option<usize> = None;
        for (at, piece) in pieces.iter().enumerate() {
            let (first, last) = match piece {
                Piece::Comment(..) => {
                    let mut rest = Docs::default();
                    let begun = self.begin(&pieces[at..], Lead::Nothing, &mut rest);
                    rest.append(self.inline(begun));
                    docs.push(Doc::Nest(CONTINUED, rest));
                    return docs;
                }
                Piece::Token(index) if self.mark(*index).comma == Comma::Drop => continue,
                Piece::Token(index) => (*index, *index),
                Piece::Bracket(bracket) | Piece::Block(bracket) => (bracket.open, bracket.close),
            };
            if before.is_some_and(|b| self.stand_apart(b, first)) {
                docs.push(Doc::Text(" "));
            }
            match piece {
                Piece::Bracket(bracket) => docs.append(self.bracket(bracket)),
                Piece::Block(block) => docs.append(self.block(block)),
                _ => docs.push(Doc::Text(self.text(first))),
            }
            if self.mark(last).comma == Comma::After {
                docs.push(Doc::Text(","));
            }
            before = Some(last);
        }
        docs
    }

    fn bracket(&self, bracket: &Bracket) -> Docs<'t> {
        let items = &bracket.items;
        let style = if self.mark(bracket.open).entries { Style::Entries } else { Style::Value };
        let mut docs = Docs::default();
        docs.push(Doc::Text(self.text(bracket.open)));
        match items.list.as_slice() {
            [] if items.head.is_none() => {}
            [Item { kind: ItemKind::Entry(pieces, None), .. }] if !items.comments && self.hugs(pieces) => {
                docs.append(self.statement(pieces));
            }
            list if items.comments || (items.opened && style.ends_lines()) => {
                self.in_lines(items.head, list, style, &mut docs);
            }
            list => {
                let mut inner = Docs::default();
                inner.push(Doc::Soft);
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        inner.push(style.between());
                        inner.push(Doc::Line);
                    }
                    if let ItemKind::Entry(pieces, _) = &item.kind {
                        inner.append(self.statement(pieces));
                    }
                }
                if style.ends_lines() {
                    inner.push(Doc::IfBroken(","));
                }
                docs.push(Doc::Nest(INDENT, inner));
                docs.push(Doc::Soft);
            }
        }
        docs.push(Doc::Text(self.text(bracket.close)));
        docs.grouped()
    }

    /// Whether an only entry is itself in brackets, so that these need no lines of their own: `sequential([ … ])`.
    fn hugs(&self, pieces: &[Piece]) -> bool {
        match pieces.split_last() {
            Some((Piece::Bracket(_), before)) => {
                before.iter().all(|p| matches!(p, Piece::Token(i) if self.mark(*i).level.is_none()))
            }
            _ => false,
        }
    }

    /// The inside of brackets that are broken whatever their length.
    fn in_lines(&self, head: Option<usize>, list: &[Item], style: Style, docs: &mut Docs<'t>) {
        docs.append(self.trailing(head));
        let mut inner = Docs::default();
        if !list.is_empty() {
            inner.push(Doc::Hard);
            self.runs(list, style, &mut inner);
        }
        docs.push(Doc::Nest(INDENT, inner));
        docs.push(Doc::Hard);
    }

    /// `{ … }`: on one line if the author wrote it so and it fits.
    fn block(&self, block: &Bracket) -> Docs<'t> {
        let items = &block.items;
        let mut docs = Docs::default();
        docs.push(Doc::Text(self.text(block.open)));
        if items.lines && !items.list.is_empty() || items.comments {
            self.in_lines(items.head, &items.list, Style::Statements, &mut docs);
        } else if !items.list.is_empty() {
            let mut inner = Docs::default();
            for (i, item) in items.list.iter().enumerate() {
                if i > 0 {
                    inner.push(if self.block_severed(&items.list, i) { Doc::Text(";") } else { Doc::IfFlat(";") });
                }
                inner.push(if self.block_apart(&items.list, i) { Doc::LineApart } else { Doc::Line });
                if let ItemKind::Entry(pieces, _) = &item.kind {
                    inner.append(self.statement(pieces));
                }
            }
            docs.push(Doc::Nest(INDENT, inner));
            docs.push(Doc::Line);
        }
        docs.push(Doc::Text(self.text(block.close)));
        docs
    }
}
