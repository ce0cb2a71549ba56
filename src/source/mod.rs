//! Source texts, byte spans, and the way between bytes and lines.
//!
//! Every node of a program carries a [`Span`], and keeps it until run time, so an error can always show its place.

mod line_index;

pub use line_index::{LineColumn, LineIndex};

/// Which of the loaded texts a span belongs to; an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of `start..end` bytes in `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; both must lie in one file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span just behind this one: where something missing belongs.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }

    /// The empty span just before this one.
    pub fn before(self) -> Span {
        Span { end: self.start, ..self }
    }

    /// Byte range, for slicing the text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One text: a file, or a virtual one such as `<--set n>`.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name as people should see it.
    pub name: String,
    /// The text as it is, byte order mark included, so that offsets are offsets in the file.
    pub text: String,
    pub lines: LineIndex,
}

impl Source {
    /// A text and its lines.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let lines = LineIndex::new(&text);
        Source { name: name.into(), text, lines }
    }
}

/// All the texts of one analysis; the root file is the first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Takes in a text, which gets the next number.
    pub fn add(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId((self.files.len() - 1) as u16)
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "an analysis has at least its root file")]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The text of that number.
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        &self.get(span.file).text[span.range()]
    }

    /// Line and column (from 1) of a span's start.
    pub fn place(&self, span: Span) -> LineColumn {
        let source = self.get(span.file);
        source.lines.line_column(&source.text, span.start as usize)
    }

    /// All texts in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, s)| (FileId(i as u16), s))
    }
}
