//! `fsched explain CODE|name`

use super::failure::{Exit, Failure};
use crate::diagnostic::{CODES, by_code_or_name};
use crate::language::suggest::closest;
use crate::record::screen::{Ink, Screen};
use std::io::Write;

/// The long text of a diagnostic
#[derive(clap::Args, Debug)]
pub struct Explain {
    /// `FS0102` or `unknown-statement`; without it, all codes are listed
    #[arg(value_name = "CODE|NAME")]
    code: Option<String>,
}

impl Explain {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        match &self.code {
            Some(code) => explain(code, Screen::stdout(), out),
            None => list(out),
        }
    }
}

fn list(out: &mut dyn Write) -> Result<Exit, Failure> {
    for info in CODES {
        writeln!(out, "{}  {}", info.id, info.name)?;
    }
    Ok(Exit::Done)
}

fn explain(code: &str, screen: Screen, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Some(info) = by_code_or_name(code) else {
        let names = CODES.iter().flat_map(|c| [c.id, c.name]);
        let help = match closest(code, names).first() {
            Some(name) => format!("did you mean `fsched explain {name}`?"),
            None => "`fsched explain` alone lists all codes".to_string(),
        };
        return Err(Failure::usage(format!("there is no diagnostic `{code}`")).help(help));
    };
    for line in info.text.lines() {
        writeln!(out, "{}", painted(line, screen))?;
    }
    Ok(Exit::Done)
}

/// Headings stand out and fences step back; the text stays as it is.
fn painted(line: &str, screen: Screen) -> String {
    match line {
        l if l.starts_with('#') => screen.paint(Ink::Strong, l),
        l if l.starts_with("```") => screen.paint(Ink::Faint, l),
        l => l.to_string(),
    }
}
