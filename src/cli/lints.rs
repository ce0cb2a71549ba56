//! `--deny`, `--warn`, `--allow`: how loud lints are, where no comment in the file says it.

use crate::language::{Level, Levels, Which};

/// How loud lints are
#[derive(clap::Args, Clone, Debug)]
pub struct Lints {
    /// Make these lints errors: codes or names, or `lints` for all warnings; may stand several times
    #[arg(long, value_name = "LINT", value_delimiter = ',', value_parser = lint)]
    deny: Vec<Which>,
    /// Make these lints warnings
    #[arg(long, value_name = "LINT", value_delimiter = ',', value_parser = lint)]
    warn: Vec<Which>,
    /// Don't show these lints
    #[arg(long, value_name = "LINT", value_delimiter = ',', value_parser = lint)]
    allow: Vec<Which>,
}

impl Lints {
    /// What the flags ask for.
    pub fn levels(&self) -> Levels {
        let mut levels = Levels::default();
        for (level, lints) in [(Level::Deny, &self.deny), (Level::Warn, &self.warn), (Level::Allow, &self.allow)] {
            lints.iter().for_each(|which| levels.set(level, *which));
        }
        levels
    }
}

fn lint(text: &str) -> Result<Which, String> {
    Which::named(text.trim()).map_err(|no_lint| format!("{}; {}", no_lint.message, no_lint.help))
}
