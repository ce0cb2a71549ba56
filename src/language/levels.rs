//! How loud each lint is: what flags and pragmas ask for.

use super::suggest::closest;
use crate::diagnostic::{CODES, Code, Severity, by_code_or_name};

/// What is made of a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// it is not shown
    Allow,
    /// it is a warning
    Warn,
    /// it is an error
    Deny,
}

/// Which lints are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// `lints`: all of them, notes apart
    Lints,
    One(Code),
}

/// The levels that were asked for, such as by `--deny lints --allow FS1004`.
#[derive(Clone, Debug, Default)]
pub struct Levels(Vec<(Level, Which)>);

/// A name that stands for no lint, and what might help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoLint {
    pub message: String,
    pub help: String,
}

impl Level {
    /// The level that a pragma's word names.
    pub fn named(word: &str) -> Option<Level> {
        match word {
            "allow" => Some(Level::Allow),
            "warn" => Some(Level::Warn),
            "deny" => Some(Level::Deny),
            _ => None,
        }
    }

    /// What becomes of a diagnostic; `None`: nothing.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Level::Allow => None,
            Level::Warn => Some(Severity::Warning),
            Level::Deny => Some(Severity::Error),
        }
    }
}

impl Which {
    /// `lints`, a code or a name of a lint.
    pub fn named(text: &str) -> Result<Which, NoLint> {
        if text == "lints" {
            return Ok(Which::Lints);
        }
        if let Some(info) = by_code_or_name(text) {
            return if info.code.is_lint() { Ok(Which::One(info.code)) } else { Err(not_a_lint(info.id)) };
        }
        let names = CODES.iter().filter(|c| c.code.is_lint()).flat_map(|c| [c.id, c.name]);
        let help = match closest(text, names).first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`fsched list lints` shows all of them".to_string(),
        };
        Err(NoLint { message: format!("there is no lint `{text}`"), help })
    }

    /// Whether that lint is meant: `lints` leaves notes as they are.
    pub fn covers(self, code: Code) -> bool {
        match self {
            Which::Lints => code.is_lint() && code.severity() != Severity::Note,
            Which::One(one) => one == code,
        }
    }
}

fn not_a_lint(id: &str) -> NoLint {
    NoLint {
        message: format!("{id} is an error, not a lint"),
        help: "lints have codes from FS1001 on; errors can't be silenced".to_string(),
    }
}

impl Levels {
    /// Asks for a level, beside those asked for before.
    pub fn set(&mut self, level: Level, which: Which) {
        self.0.push((level, which));
    }

    /// The level of a lint. One that is named goes by its name, whatever is said of `lints`; of several levels for the
    /// same, the strictest holds.
    pub fn of(&self, code: Code) -> Option<Level> {
        let strictest = |which: Which| self.0.iter().filter(|(_, w)| *w == which).map(|(level, _)| *level).max();
        let all = || strictest(Which::Lints).filter(|_| Which::Lints.covers(code));
        strictest(Which::One(code)).or_else(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_before_all_lints_and_the_strictest_holds() {
        let mut levels = Levels::default();
        assert_eq!(levels.of(Code::EARLY_LAYERS), None);
        levels.set(Level::Deny, Which::Lints);
        levels.set(Level::Allow, Which::One(Code::EARLY_LAYERS));
        levels.set(Level::Warn, Which::One(Code::UNUSED_NAME));
        levels.set(Level::Deny, Which::One(Code::UNUSED_NAME));
        assert_eq!(levels.of(Code::EARLY_LAYERS), Some(Level::Allow));
        assert_eq!(levels.of(Code::UNUSED_NAME), Some(Level::Deny));
        assert_eq!(levels.of(Code::FORGETS_LAST), Some(Level::Deny));
        assert_eq!(levels.of(Code::DEFAULTS_USED), None, "notes are no warnings");
        assert_eq!(levels.of(Code::UNKNOWN_NAME), None, "errors are no lints");
    }

    #[test]
    fn names_of_lints() {
        assert_eq!(Which::named("lints"), Ok(Which::Lints));
        assert_eq!(Which::named("fs1003"), Ok(Which::One(Code::HIDDEN_NAME)));
        assert_eq!(Which::named("hidden-name"), Ok(Which::One(Code::HIDDEN_NAME)));
        assert!(Which::named("hiden-name").unwrap_err().help.contains("`hidden-name`"));
        assert!(Which::named("unknown-name").unwrap_err().message.contains("FS0101 is an error"));
    }
}
