//! What `check`, `plan` and `run` have in common: the file, its parameters, where data lies, and what is said of it.

use super::failure::Failure;
use super::lines::{self, Form};
use super::render::Renderer;
use crate::components::data::Places;
use crate::diagnostic::Diagnostic;
use crate::language::{Analysis, Disk, Level, Levels, Options, Which, analyze};
use crate::record::screen::Screen;
use crate::source::Sources;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a program is read
#[derive(clap::Args, Debug)]
pub struct Input {
    /// Give a `param` of the program another value; may stand several times
    #[arg(long, value_name = "NAME=EXPR", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Where named data sets are looked for [default: $FSCHED_DATA, else data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A further folder that the program may read from; may stand several times
    #[arg(long, value_name = "DIR")]
    allow_path: Vec<PathBuf>,
    #[command(flatten)]
    lints: Lints,
}

/// How loud lints are, where no comment in the file says it
#[derive(clap::Args, Clone, Debug)]
struct Lints {
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
    fn levels(&self) -> Levels {
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

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_string(), value.trim().to_string()))
        }
        _ => Err("write a name, `=` and a value: `--set cycles=5`".into()),
    }
}

impl Input {
    /// The folders that a program at this path may read from.
    pub fn places(&self, file: &Path) -> Places {
        Places { program: folder_of(file), data: self.data(), allowed: self.allow_path.clone() }
    }

    fn data(&self) -> PathBuf {
        let set = || std::env::var_os("FSCHED_DATA").filter(|v| !v.is_empty()).map(PathBuf::from);
        self.data_dir.clone().or_else(set).unwrap_or_else(|| "data".into())
    }

    /// The same places with the program's own values of its parameters.
    pub fn without_sets(&self) -> Input {
        Input {
            set: Vec::new(),
            data_dir: self.data_dir.clone(),
            allow_path: self.allow_path.clone(),
            lints: self.lints.clone(),
        }
    }

    pub fn analyze(&self, file: &Path) -> Analysis {
        let folder = folder_of(file);
        let root = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let options = Options { sets: self.set.clone(), places: self.places(file), levels: self.lints.levels() };
        analyze(file, &Disk { root: Some(root) }, &options)
    }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Says something to people. Where stderr is closed there is nobody to tell.
pub fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Shows diagnostics: to people on stderr, to programs on `out`.
pub fn show(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    form: Form,
    max: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let line: fn(&Sources, &Diagnostic) -> String = match form {
        Form::Human => {
            tell(&Renderer::new(sources, Screen::stderr()).report(diagnostics, max));
            return Ok(());
        }
        Form::Short => lines::short,
        Form::Json => lines::json,
        Form::Github => lines::github,
    };
    for diagnostic in diagnostics {
        writeln!(out, "{}", line(sources, diagnostic))?;
    }
    Ok(())
}
