//! What stands before the tensors of a GGUF file, as llama.cpp writes it (`docs/gguf.md` of ggml): keys and values.
//! Candle's reader trusts an alignment of 0, keeps all values and lets tensors share their bytes, so this one is ours.

use super::limits::{GGUF_DEPTH, GGUF_KEPT_BYTES, GGUF_PAIRS, TENSOR_NAME_BYTES, TENSORS};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The first bytes of a file.
pub const MAGIC: &[u8; 4] = b"GGUF";

/// What a key stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Whole(i128),
    Real(f64),
    Bool(bool),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// In words, for errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Whole(_) => "a whole number",
            Value::Real(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
        }
    }
}

/// The keys and values of a file for which `wanted` is true.
///
/// # Errors
/// What is wrong with the file; the message names it.
pub fn metadata(path: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<BTreeMap<String, Value>> {
    let read = || {
        let (file, length) = super::open(path)?;
        let mut found = BTreeMap::new();
        let header = Header::open(BufReader::new(file), length, &wanted, &mut |key, value| {
            found.insert(key, value);
        });
        header.map(|_| found).map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))
    };
    read().map_err(|error| super::named(path, error))
}

/// A file that is read up to its tensors.
#[derive(Debug)]
pub struct Header<R> {
    source: R,
    /// bytes so far
    read: u64,
    /// of the whole file
    length: u64,
    /// what the values that are kept take
    kept: u64,
    /// tensors that are announced
    pub tensors: u64,
    /// `general.alignment`: tensors begin at multiples of it
    pub alignment: u64,
}

impl<R: Read> Header<R> {
    /// Reads the keys and values of a file of `length` bytes, and hands those that are wanted to `keep`.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub fn open(
        source: R,
        length: u64,
        wanted: &dyn Fn(&str) -> bool,
        keep: &mut dyn FnMut(String, Value),
    ) -> Result<Header<R>, String> {
        let mut header = Header { source, read: 0, length, kept: 0, tensors: 0, alignment: 32 };
        if header.take()? != *MAGIC {
            return Err("it does not begin with `GGUF`".into());
        }
        match header.u32()? {
            2 | 3 => {}
            version if (2..=3).contains(&version.swap_bytes()) => return Err("it is big-endian".into()),
            version => return Err(format!("it has version {version}; 2 and 3 are read")),
        }
        header.tensors = header.count(TENSORS, "tensors")?;
        for _ in 0..header.count(GGUF_PAIRS, "pairs of key and value")? {
            header.pair(wanted, keep)?;
        }
        Ok(header)
    }

    /// Bytes so far.
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes).map_err(ended)?;
        self.read += N as u64;
        Ok(bytes)
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        self.take().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, String> {
        self.take().map(u64::from_le_bytes)
    }

    /// A number of things, of which there are at most so many.
    pub fn count(&mut self, most: u64, what: &str) -> Result<u64, String> {
        match self.u64()? {
            count if count > most => Err(format!("it announces {count} {what}; at most {most} are read")),
            count => Ok(count),
        }
    }

    /// A name, whose length stands before it.
    pub fn name(&mut self) -> Result<String, String> {
        let length = self.u64()?;
        if length > TENSOR_NAME_BYTES {
            return Err(format!("a name has {length} bytes; at most {TENSOR_NAME_BYTES} are read"));
        }
        self.text(length, "a name")
    }

    fn text(&mut self, length: u64, what: &str) -> Result<String, String> {
        let mut bytes = vec![0; length as usize];
        self.source.read_exact(&mut bytes).map_err(ended)?;
        self.read += length;
        String::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let skipped = match bytes <= self.length.saturating_sub(self.read) {
            true => io::copy(&mut (&mut self.source).take(bytes), &mut io::sink()).map_err(ended)?,
            false => 0,
        };
        self.read += skipped;
        if skipped < bytes { Err(ended(io::ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }

    fn pair(&mut self, wanted: &dyn Fn(&str) -> bool, keep: &mut dyn FnMut(String, Value)) -> Result<(), String> {
        let key = self.name()?;
        let kind = self.u32()?;
        let alignment = key == "general.alignment";
        if alignment && kind != 4 {
            return Err(format!("`general.alignment` has type {kind}; it is a u32, type 4"));
        }
        if !alignment && !wanted(&key) {
            return self.skip_value(kind, 0);
        }
        let value = self.value(kind, 0).map_err(|what| format!("`{key}`: {what}"))?;
        if let (true, Value::Whole(bytes)) = (alignment, &value) {
            self.alignment = *bytes as u64;
            if !(self.alignment.is_power_of_two() && self.alignment <= 1 << 20) {
                return Err(format!("`general.alignment` is {bytes}, no power of 2 up to 1048576"));
            }
        }
        if wanted(&key) {
            keep(key, value);
        }
        Ok(())
    }

    fn keeps(&mut self, bytes: u64) -> Result<(), String> {
        self.kept = self.kept.saturating_add(bytes);
        match self.kept <= GGUF_KEPT_BYTES {
            true => Ok(()),
            false => Err(format!("its values take more than {GGUF_KEPT_BYTES} bytes")),
        }
    }

    fn value(&mut self, kind: u32, depth: u32) -> Result<Value, String> {
        self.keeps(size_of::<Value>() as u64)?;
        Ok(match kind {
            0 => Value::Whole(self.take::<1>()?[0].into()),
            1 => Value::Whole(i8::from_le_bytes(self.take()?).into()),
            2 => Value::Whole(u16::from_le_bytes(self.take()?).into()),
            3 => Value::Whole(i16::from_le_bytes(self.take()?).into()),
            4 => Value::Whole(self.u32()?.into()),
            5 => Value::Whole(i32::from_le_bytes(self.take()?).into()),
            6 => Value::Real(f32::from_le_bytes(self.take()?).into()),
            7 => Value::Bool(self.take::<1>()?[0] != 0),
            8 => {
                let length = self.u64()?;
                self.keeps(length)?;
                Value::Text(self.text(length, "a text")?)
            }
            9 if depth < GGUF_DEPTH => {
                let (kind, count) = (self.u32()?, self.u64()?);
                let values = (0..count).map(|_| self.value(kind, depth + 1));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            9 => return Err(too_deep()),
            10 => Value::Whole(self.u64()?.into()),
            11 => Value::Whole(i64::from_le_bytes(self.take()?).into()),
            12 => Value::Real(f64::from_le_bytes(self.take()?)),
            _ => return Err(unknown(kind)),
        })
    }

    fn skip_value(&mut self, kind: u32, depth: u32) -> Result<(), String> {
        match (width(kind), kind) {
            (Some(bytes), _) => self.skip(bytes),
            (None, 8) => self.u64().and_then(|length| self.skip(length)),
            (None, 9) if depth < GGUF_DEPTH => self.skip_list(depth),
            (None, 9) => Err(too_deep()),
            (None, _) => Err(unknown(kind)),
        }
    }

    fn skip_list(&mut self, depth: u32) -> Result<(), String> {
        let kind = self.u32()?;
        let count = self.u64()?;
        if let Some(bytes) = width(kind) {
            return self.skip(count.saturating_mul(bytes));
        }
        // Each takes eight bytes at least, so the end of the file ends this.
        (0..count).try_for_each(|_| self.skip_value(kind, depth + 1))
    }
}

fn too_deep() -> String {
    format!("a value has lists more than {GGUF_DEPTH} deep")
}

fn unknown(kind: u32) -> String {
    format!("a value has type {kind}, which does not exist")
}

fn ended(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off in its header".into(),
        _ => error.to_string(),
    }
}

/// Bytes of a value, where each of its type has as many.
fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}
