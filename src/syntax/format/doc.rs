//! Documents that know where they may be broken, and how they are laid out within a width (after Wadler's "A prettier
//! printer", with the printing order of Prettier).

use unicode_width::UnicodeWidthStr;

/// What may be printed.
#[derive(Debug)]
pub enum Doc<'t> {
    Text(&'t str),
    /// A blank, or where its group is broken a new line.
    Line,
    /// Nothing, or where its group is broken a new line.
    Soft,
    /// A blank, or where its group is broken an empty line and a new one.
    LineApart,
    /// Always a new line.
    Hard,
    /// An empty line, then a new one.
    Empty,
    /// Only where its group stays on one line.
    IfFlat(&'static str),
    /// Only where its group is broken.
    IfBroken(&'static str),
    /// A comment that ends the line, whatever else stands on it.
    Trailing(&'t str),
    /// Lines within begin so many columns further right.
    Nest(usize, Docs<'t>),
    /// On one line if it fits and nothing in it forces a line; else its lines are broken.
    Group(Docs<'t>),
    /// On one line also where that is too long.
    Unbroken(Docs<'t>),
}

/// A sequence of documents.
#[derive(Debug, Default)]
pub struct Docs<'t> {
    list: Vec<Doc<'t>>,
    /// Whether something in it forces a new line.
    pub forced: bool,
}

impl<'t> Docs<'t> {
    /// Adds a part at the end.
    pub fn push(&mut self, doc: Doc<'t>) {
        self.forced |= match &doc {
            Doc::Hard | Doc::Empty | Doc::Trailing(_) => true,
            Doc::Nest(_, docs) | Doc::Group(docs) | Doc::Unbroken(docs) => docs.forced,
            _ => false,
        };
        self.list.push(doc);
    }

    /// All of it as one group.
    pub fn grouped(self) -> Docs<'t> {
        Docs { forced: self.forced, list: vec![Doc::Group(self)] }
    }

    /// Adds parts at the end.
    pub fn append(&mut self, docs: Docs<'t>) {
        self.forced |= docs.forced;
        self.list.extend(docs.list);
    }
}

/// A line as it was laid out.
struct Row<'t> {
    text: String,
    /// Columns of `text`.
    width: usize,
    /// Those of its indentation.
    indent: usize,
    trailing: Option<&'t str>,
}

impl Row<'_> {
    fn new(indent: usize) -> Self {
        Row { text: " ".repeat(indent), width: indent, indent, trailing: None }
    }
}

/// Columns between a line and the comment at its end.
const BEFORE_COMMENT: usize = 2;

/// Lays a document out in lines of at most `width` columns where that is possible. Comments at the ends of adjoining
/// lines stand below each other.
pub fn print(docs: &Docs<'_>, width: usize) -> Vec<String> {
    let mut printer = Printer { width, rows: vec![Row::new(0)] };
    printer.print(docs);
    with_comments(printer.rows, width)
}

fn with_comments(rows: Vec<Row<'_>>, width: usize) -> Vec<String> {
    let mut lines = Vec::with_capacity(rows.len());
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let adjoin = |r: &&Row| r.trailing.is_some() && r.indent == first.indent;
        let run = rest.iter().take_while(adjoin).count().max(1);
        let (block, behind) = rest.split_at(run);
        let column = block.iter().map(|r| r.width).max().unwrap_or_default();
        // A column that pushes a comment out of the page helps nobody.
        let length = |r: &Row| r.trailing.map_or(0, |c| c.width()) + BEFORE_COMMENT;
        let aligned = block.iter().all(|r| column + length(r) <= width || r.width == column);
        lines.extend(block.iter().map(|r| row_text(r, if aligned { column } else { r.width })));
        rest = behind;
    }
    lines
}

fn row_text(row: &Row, column: usize) -> String {
    match row.trailing {
        Some(comment) => format!("{}{}{comment}", row.text, " ".repeat(column - row.width + BEFORE_COMMENT)),
        None => row.text.trim_end().to_string(),
    }
}

/// What is still to be printed: at which indentation, and whether on one line.
type Rest<'d, 't> = Vec<(usize, bool, &'d Doc<'t>)>;

struct Printer<'t> {
    width: usize,
    rows: Vec<Row<'t>>,
}

impl<'t> Printer<'t> {
    fn print(&mut self, docs: &Docs<'t>) {
        let mut rest: Rest<'_, 't> = docs.list.iter().rev().map(|d| (0, false, d)).collect();
        while let Some((indent, flat, doc)) = rest.pop() {
            match doc {
                Doc::Text(text) => self.text(text),
                Doc::IfFlat(text) if flat => self.text(text),
                Doc::IfBroken(text) if !flat => self.text(text),
                Doc::Line | Doc::LineApart if flat => self.text(" "),
                Doc::Line | Doc::Hard => self.new_row(indent),
                Doc::Soft if !flat => self.new_row(indent),
                Doc::Empty | Doc::LineApart => {
                    self.new_row(0);
                    self.new_row(indent);
                }
                Doc::Trailing(comment) => self.trailing(comment, indent),
                Doc::Nest(by, docs) => rest.extend(docs.list.iter().rev().map(|d| (indent + by, flat, d))),
                Doc::Group(docs) => {
                    let flat = flat || (!docs.forced && self.fits(docs, &rest));
                    rest.extend(docs.list.iter().rev().map(|d| (indent, flat, d)));
                }
                Doc::Unbroken(docs) => {
                    rest.extend(docs.list.iter().rev().map(|d| (indent, flat || !docs.forced, d)));
                }
                Doc::IfFlat(_) | Doc::IfBroken(_) | Doc::Soft => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.text.push_str(text);
            row.width += text.width();
        }
    }

    fn new_row(&mut self, indent: usize) {
        self.rows.push(Row::new(indent));
    }

    fn trailing(&mut self, comment: &'t str, indent: usize) {
        if self.rows.last().is_some_and(|r| r.trailing.is_some()) {
            self.new_row(indent);
        }
        if let Some(row) = self.rows.last_mut() {
            row.trailing = Some(comment);
        }
    }

    /// Whether the group on one line, and what follows up to where a line may end, fit in what is left of this line.
    fn fits(&self, docs: &Docs<'t>, rest: &Rest<'_, 't>) -> bool {
        let Some(mut left) = self.width.checked_sub(self.rows.last().map_or(0, |r| r.width)) else { return false };
        let mut stack: Vec<(bool, &Doc<'t>)> = docs.list.iter().rev().map(|d| (true, d)).collect();
        let mut behind = rest.iter().rev().map(|(_, flat, doc)| (*flat, *doc));
        while let Some((flat, doc)) = stack.pop().or_else(|| behind.next()) {
            let width = match doc {
                Doc::Text(text) => text.width(),
                Doc::IfFlat(text) if flat => text.width(),
                Doc::IfBroken(text) if !flat => text.width(),
                Doc::Line | Doc::LineApart if flat => 1,
                Doc::Line | Doc::LineApart | Doc::Hard | Doc::Empty => return true,
                Doc::Soft if !flat => return true,
                Doc::Nest(_, docs) => {
                    stack.extend(docs.list.iter().rev().map(|d| (flat, d)));
                    0
                }
                // Behind the group, what can be broken may be broken.
                Doc::Group(docs) | Doc::Unbroken(docs) => {
                    stack.extend(docs.list.iter().rev().map(|d| (flat, d)));
                    0
                }
                Doc::IfFlat(_) | Doc::IfBroken(_) | Doc::Soft | Doc::Trailing(_) => 0,
            };
            match left.checked_sub(width) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    }
}
