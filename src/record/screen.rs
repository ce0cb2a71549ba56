//! What the place we write to can show: colour, line drawing, width.

use std::io::IsTerminal;

/// One of the two outputs, as far as drawing is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// a person is looking: bars are drawn
    pub terminal: bool,
    pub colour: bool,
    /// line-drawing characters; else ASCII
    pub unicode: bool,
    /// columns to wrap at; `None`: whatever the terminal has
    pub width: Option<usize>,
}

/// What a piece of text is, not which colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Error,
    Warning,
    Note,
    Good,
    Strong,
    Faint,
}

/// Columns when nobody says how many there are.
const PAGE: usize = 120;

impl Screen {
    pub fn stdout() -> Screen {
        Screen::detect(std::io::stdout().is_terminal())
    }

    pub fn stderr() -> Screen {
        Screen::detect(std::io::stderr().is_terminal())
    }

    /// No colour, Unicode, a page's width: what tests and files get.
    pub const fn page() -> Screen {
        Screen { terminal: false, colour: false, unicode: true, width: Some(PAGE) }
    }

    fn detect(terminal: bool) -> Screen {
        let get = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let columns = get("COLUMNS").and_then(|c| c.parse().ok()).filter(|c| *c >= 40);
        Screen {
            terminal,
            colour: wants_colour(terminal, get),
            unicode: has_unicode(get),
            width: if terminal { columns } else { Some(columns.unwrap_or(PAGE)) },
        }
    }

    /// The text in that ink, where there is colour.
    pub fn paint(&self, ink: Ink, text: impl std::fmt::Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match ink {
            Ink::Error => "1;31",
            Ink::Warning => "1;33",
            Ink::Note => "1;36",
            Ink::Good => "1;32",
            Ink::Strong => "1",
            Ink::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// `NO_COLOR` forbids, `CLICOLOR_FORCE` commands, `CLICOLOR=0` and dumb terminals decline (no-color.org, bixense.com/clicolors).
fn wants_colour(terminal: bool, get: impl Fn(&str) -> Option<String>) -> bool {
    if get("NO_COLOR").is_some() {
        return false;
    }
    if get("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
        return true;
    }
    terminal && get("CLICOLOR").is_none_or(|v| v != "0") && get("TERM").is_none_or(|t| t != "dumb")
}

/// A locale that is named and isn't UTF-8 gets ASCII; no locale at all is taken for a modern machine.
fn has_unicode(get: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| get(name));
    locale.is_none_or(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// The text with everything that could steer a terminal made visible.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// Control characters other than tab and line ends, and those that reorder or hide text.
pub fn is_harmful(c: char) -> bool {
    let steers = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    steers || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string())
    }

    #[test]
    fn colour_follows_the_conventions() {
        assert!(wants_colour(true, env(&[])));
        assert!(!wants_colour(false, env(&[])));
        assert!(!wants_colour(true, env(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")])));
        assert!(wants_colour(false, env(&[("CLICOLOR_FORCE", "1")])));
        assert!(!wants_colour(false, env(&[("CLICOLOR_FORCE", "0")])));
        assert!(!wants_colour(true, env(&[("CLICOLOR", "0")])));
        assert!(!wants_colour(true, env(&[("TERM", "dumb")])));
    }

    #[test]
    fn ascii_is_for_locales_that_say_so() {
        assert!(has_unicode(env(&[])));
        assert!(has_unicode(env(&[("LANG", "de_DE.UTF-8")])));
        assert!(!has_unicode(env(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")])));
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{202e}c\td"), "a\u{fffd}[2Jb\u{fffd}c\td");
    }
}
