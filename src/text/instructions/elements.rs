//! The elements of a JSON list, or of a file with one a line, each in memory alone.

use super::wrong::Wrong;
use crate::reading::json::{Kind, parse};
use crate::reading::limits::{INSTRUCTION_BYTES, INSTRUCTIONS_BYTES};
use crate::reading::open;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// An element: its number from 0, its line from 1, and what it is.
#[derive(Debug)]
pub struct Element {
    pub index: usize,
    pub line: usize,
    pub value: Result<Value, String>,
}

impl Element {
    /// In words, for what is wrong with it.
    pub fn named(&self) -> String {
        let id = self.value.as_ref().ok().and_then(|value| value.get("id").or_else(|| value.get("question_id")));
        let id = id.and_then(|id| id.as_str().map(str::to_string).or_else(|| Some(id.as_u64()?.to_string())));
        let id = id.map(|id| format!(", id `{}`", id.escape_debug())).unwrap_or_default();
        format!("item {} (line {}{id})", self.index, self.line)
    }
}

/// Hands each element of a file to `take`, in order.
///
/// # Errors
/// If the file cannot be read, or is neither a JSON list nor one value a line; then nothing behind that place was handed on.
pub fn each(path: &Path, take: &mut dyn FnMut(Element) -> Result<(), Wrong>) -> Result<(), Wrong> {
    let (file, length) = open(path).map_err(|e| Wrong::all(path, e))?;
    if length > INSTRUCTIONS_BYTES {
        return Err(Wrong::all(path, format!("it has {length} bytes; at most {INSTRUCTIONS_BYTES} are read")));
    }
    let mut scan = Scan { path, source: BufReader::with_capacity(1 << 16, file), line: 1, index: 0 };
    match scan.next_mark()? {
        None => Ok(()),
        Some(b'[') => {
            scan.skip();
            scan.list(take)
        }
        Some(b'{') => scan.lines(take),
        Some(_) => Err(scan.fault("a list or one object a line was expected")),
    }
}

struct Scan<'a> {
    path: &'a Path,
    source: BufReader<File>,
    line: usize,
    index: usize,
}

impl Scan<'_> {
    fn fault(&self, what: &str) -> Wrong {
        Wrong::all(self.path, format!("line {}: {what}", self.line))
    }

    fn peek(&mut self) -> Result<Option<u8>, Wrong> {
        let path = self.path;
        self.source.fill_buf().map(|bytes| bytes.first().copied()).map_err(|e| Wrong::all(path, e))
    }

    fn skip(&mut self) {
        self.source.consume(1);
    }

    /// The next byte that is no space; it stays.
    fn next_mark(&mut self) -> Result<Option<u8>, Wrong> {
        // Some programs put a mark of the byte order in front.
        while let Some(byte) = self.peek()? {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                0xef | 0xbb | 0xbf if self.index == 0 && self.line == 1 => {}
                _ => return Ok(Some(byte)),
            }
            self.skip();
        }
        Ok(None)
    }

    fn list(&mut self, take: &mut dyn FnMut(Element) -> Result<(), Wrong>) -> Result<(), Wrong> {
        if self.next_mark()? == Some(b']') {
            self.skip();
            return self.over();
        }
        loop {
            let element = self.element(true)?;
            take(element)?;
            match self.next_mark()? {
                Some(b',') => self.skip(),
                Some(b']') => {
                    self.skip();
                    return self.over();
                }
                Some(_) => return Err(self.fault("`,` or `]` was expected")),
                None => return Err(self.fault("the list has no end")),
            }
        }
    }

    fn over(&mut self) -> Result<(), Wrong> {
        match self.next_mark()? {
            None => Ok(()),
            Some(_) => Err(self.fault("something follows the list")),
        }
    }

    fn lines(&mut self, take: &mut dyn FnMut(Element) -> Result<(), Wrong>) -> Result<(), Wrong> {
        while self.next_mark()?.is_some() {
            let element = self.element(false)?;
            take(element)?;
        }
        Ok(())
    }

    /// From the next byte that is no space to where its brackets are closed.
    fn element(&mut self, listed: bool) -> Result<Element, Wrong> {
        self.next_mark()?;
        let (index, line) = (self.index, self.line);
        let mut bytes = Vec::new();
        let mut nesting = Nesting { listed, ..Nesting::default() };
        while let Some(byte) = self.peek()? {
            if nesting.ends_before(byte) {
                break;
            }
            self.skip();
            self.line += usize::from(byte == b'\n');
            bytes.push(byte);
            if bytes.len() as u64 > INSTRUCTION_BYTES {
                let what = format!("item {index} has more than {INSTRUCTION_BYTES} bytes");
                return Err(Wrong::all(self.path, format!("line {line}: {what}")));
            }
            if nesting.ends_with(byte) {
                break;
            }
        }
        self.index += 1;
        let value = parse(&bytes, Kind::Any).map_err(|e| format!("it is no JSON: {}", at_its_line(&e)));
        Ok(Element { index, line, value })
    }
}

/// Without the place, which would count from the element.
fn at_its_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_string()
}

/// Where in a value a byte stands.
#[derive(Default)]
struct Nesting {
    /// in a list, else on a line
    listed: bool,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Nesting {
    /// Whether a value without brackets is over before this byte. On a line, only the line's end does that, which is no
    /// beginning of a value: so each value takes a byte.
    fn ends_before(&self, byte: u8) -> bool {
        let ends: &[u8] = if self.listed { b",]" } else { b"\n" };
        self.depth == 0 && !self.quoted && ends.contains(&byte)
    }

    /// Whether this byte closes the value.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}
