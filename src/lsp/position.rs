//! Bytes ↔ places as editors count them: lines from 0, columns in units that client and server agree on.

use crate::source::Source;
use lsp_types::{Position, PositionEncodingKind};

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
    /// characters (Unicode scalar values)
    Utf32,
}

impl Encoding {
    /// As the protocol names it.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// The best of what a client offers, which is UTF-16 if it says nothing.
    pub fn negotiate<'a>(offered: impl IntoIterator<Item = &'a str>) -> Encoding {
        let known = |name: &str| match name {
            "utf-8" => Some(Encoding::Utf8),
            "utf-16" => Some(Encoding::Utf16),
            "utf-32" => Some(Encoding::Utf32),
            _ => None,
        };
        offered.into_iter().filter_map(known).min_by_key(|e| *e as u8).unwrap_or(Encoding::Utf16)
    }

    /// Units that a text takes.
    pub fn length(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            _ if text.is_ascii() => text.len(),
            Encoding::Utf16 => text.chars().map(char::len_utf16).sum(),
            Encoding::Utf32 => text.chars().count(),
        }
    }

    /// The place of a byte; past the end it is the end, inside a character or a line break its start.
    pub fn position(self, source: &Source, offset: usize) -> Position {
        let offset = floor(&source.text, offset);
        let line = source.lines.line(offset);
        let before = offset - source.lines.start(line);
        let text = line_text(source, line);
        Position::new(line as u32, self.length(&text[..before.min(text.len())]) as u32)
    }

    /// The byte of a place. Past the end of a line it is that end, before its line break; past the last line, the end of
    /// the text; between the halves of a character, its start.
    pub fn offset(self, source: &Source, position: Position) -> usize {
        let line = position.line as usize;
        if line >= source.lines.len() {
            return source.text.len();
        }
        let start = source.lines.start(line);
        start + self.within(line_text(source, line), position.character as usize)
    }

    fn within(self, line: &str, units: usize) -> usize {
        if self == Encoding::Utf8 || line.is_ascii() {
            return floor(line, units);
        }
        let width = |c: char| if self == Encoding::Utf16 { c.len_utf16() } else { 1 };
        let mut taken = 0;
        for (at, c) in line.char_indices() {
            taken += width(c);
            if taken > units {
                return at;
            }
        }
        line.len()
    }
}

/// A line (from 0) without its break.
pub fn line_text(source: &Source, line: usize) -> &str {
    let next = if line + 1 < source.lines.len() { source.lines.start(line + 1) } else { source.text.len() };
    let text = &source.text[source.lines.start(line)..next];
    // Only before a newline is a carriage return part of the line's end.
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|o| text.is_char_boundary(*o)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn source(text: &str) -> Source {
        Source::new("a.fsched", text)
    }

    #[test]
    fn the_first_choice_is_utf8_and_what_is_always_there_is_utf16() {
        assert_eq!(Encoding::negotiate([]), Encoding::Utf16);
        assert_eq!(Encoding::negotiate(["utf-32", "utf-16", "utf-8"]), Encoding::Utf8);
        assert_eq!(Encoding::negotiate(["utf-16", "ebcdic"]), Encoding::Utf16);
    }

    #[test]
    fn columns_count_the_units_that_were_agreed_on() {
        let text = source("\u{feff}é漢😀x\r\ny");
        let x = text.text.find('x').unwrap();
        let columns = ALL.map(|e| e.position(&text, x));
        assert_eq!(columns, [Position::new(0, 12), Position::new(0, 5), Position::new(0, 4)]);
        for e in ALL {
            assert_eq!(e.offset(&text, e.position(&text, x)), x);
            assert_eq!(e.position(&text, x + 3), Position::new(1, 0));
        }
    }

    #[test]
    fn every_character_survives_the_way_there_and_back() {
        let text = source("\u{feff}train 漢 # 😀\r\n\r\n\"é\" 👩‍👩‍👧\n");
        for encoding in ALL {
            for (at, c) in text.text.char_indices().filter(|(_, c)| *c != '\n') {
                let back = encoding.offset(&text, encoding.position(&text, at));
                assert_eq!(back, at, "{c:?} as {encoding:?}");
            }
        }
    }

    #[test]
    fn places_outside_of_the_text_are_moved_to_its_ends() {
        let text = source("a😀\r\nbc");
        assert_eq!(Encoding::Utf16.offset(&text, Position::new(0, 2)), 1, "between two surrogates");
        assert_eq!(Encoding::Utf8.offset(&text, Position::new(0, 3)), 1, "inside of a character");
        assert_eq!(Encoding::Utf16.offset(&text, Position::new(0, 99)), 5, "before the line break");
        assert_eq!(Encoding::Utf8.offset(&text, Position::new(1, u32::MAX)), 9);
        assert_eq!(Encoding::Utf8.offset(&text, Position::new(u32::MAX, 3)), 9);
        assert_eq!(Encoding::Utf16.position(&text, 999), Position::new(1, 2));
        assert_eq!(Encoding::Utf16.offset(&source(""), Position::new(7, 7)), 0);
    }
}
