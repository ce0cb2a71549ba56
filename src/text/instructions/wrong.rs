//! What is wrong with a file of instructions, all at once.

use super::super::item::Item;
use crate::reading::limits::INSTRUCTIONS;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// So many are written out; the others are counted.
const SHOWN: usize = 20;

/// A file with what is wrong in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub file: PathBuf,
    /// how many
    pub count: usize,
    /// the first ones, a sentence each
    pub shown: Vec<String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot take instructions from `{}`: ", self.file.display())?;
        match self.shown.as_slice() {
            [only] if self.count == 1 => f.write_str(only),
            shown => {
                write!(f, "{} things are wrong", self.count)?;
                shown.iter().try_for_each(|what| write!(f, "\n  {what}"))?;
                match self.count - shown.len() {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for Wrong {}

impl Wrong {
    /// One thing about the file as a whole.
    pub fn all(file: &Path, what: impl fmt::Display) -> Wrong {
        Wrong { file: file.into(), count: 1, shown: vec![what.to_string()] }
    }
}

/// Items of a file as they are read, and what is wrong with others.
pub struct Collected {
    wrong: Wrong,
    items: Vec<Item>,
    /// how often an id was there
    seen: HashMap<String, usize>,
}

impl Collected {
    pub fn of(file: &Path) -> Collected {
        let wrong = Wrong { file: file.into(), count: 0, shown: Vec::new() };
        Collected { wrong, items: Vec::new(), seen: HashMap::new() }
    }

    /// Takes an item, or what is wrong with it. Ids that were there before get a number behind them, since they key
    /// random draws.
    ///
    /// # Errors
    /// If there are too many.
    pub fn take(&mut self, read: Result<Item, String>) -> Result<(), Wrong> {
        match read {
            Err(what) => self.fault(what),
            Ok(mut item) => {
                let before = self.seen.entry(item.id.clone()).or_insert(0);
                *before += 1;
                if *before > 1 {
                    item.id = format!("{}#{before}", item.id);
                }
                self.items.push(item);
            }
        }
        match self.items.len() + self.wrong.count > INSTRUCTIONS {
            true => Err(Wrong::all(&self.wrong.file, format!("it has more than {INSTRUCTIONS} of them"))),
            false => Ok(()),
        }
    }

    pub fn fault(&mut self, what: String) {
        self.wrong.count += 1;
        if self.wrong.shown.len() < SHOWN {
            self.wrong.shown.push(what);
        }
    }

    /// The items, if nothing was wrong and there are any.
    pub fn done(self) -> Result<Vec<Item>, Wrong> {
        match (self.wrong.count, self.items.is_empty()) {
            (0, true) => Err(Wrong::all(&self.wrong.file, "it has none")),
            (0, false) => Ok(self.items),
            _ => Err(self.wrong),
        }
    }
}
