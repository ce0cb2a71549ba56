//! Bytes ↔ lines and columns.

/// A place as people and editors name it; both numbers count from 1, columns in Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

/// Where each line of a text begins.
#[derive(Clone, Debug, Default)]
pub struct LineIndex {
    starts: Vec<u32>,
}

const BYTE_ORDER_MARK: char = '\u{feff}';

impl LineIndex {
    /// The lines of a text.
    pub fn new(text: &str) -> LineIndex {
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1);
        LineIndex { starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// Number of lines; the empty text has one.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never: a text has one line at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Line (from 0) that holds the byte.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|s| *s as usize <= offset).saturating_sub(1)
    }

    /// Byte at which a line (from 0) begins; past the end, the last line's.
    pub fn start(&self, line: usize) -> usize {
        self.starts[line.min(self.starts.len() - 1)] as usize
    }

    /// Line and column (from 1) of a byte; a byte order mark takes no column.
    pub fn line_column(&self, text: &str, offset: usize) -> LineColumn {
        let offset = (0..=offset.min(text.len())).rev().find(|o| text.is_char_boundary(*o)).unwrap_or(0);
        let line = self.line(offset);
        let before = &text[self.start(line)..offset];
        let marks = usize::from(line == 0 && before.starts_with(BYTE_ORDER_MARK));
        LineColumn { line: line + 1, column: before.chars().count() - marks + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_not_the_byte_order_mark() {
        let text = "\u{feff}aé\n漢x";
        let lines = LineIndex::new(text);
        assert_eq!(lines.line_column(text, 3), LineColumn { line: 1, column: 1 });
        assert_eq!(lines.line_column(text, 6), LineColumn { line: 1, column: 3 });
        assert_eq!(lines.line_column(text, 10), LineColumn { line: 2, column: 2 });
        assert_eq!(lines.line_column(text, 999), LineColumn { line: 2, column: 3 });
    }
}
