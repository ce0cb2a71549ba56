//! What `check`, `plan` and `run` have in common: the file, its parameters, where data lies, and what is said of it.

use super::failure::{Exit, Failure};
use super::lines::{self, Form};
use super::lints::Lints;
use super::render::Renderer;
use super::sarif;
use super::text::Program;
use crate::components::data::{DEFAULT_DATA, Places};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::language::fix::{Fixed, Overlay, fix};
use crate::language::{Analysis, Options, ProgramFiles, analyze};
use crate::record::InputAsGiven;
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
    #[command(flatten)]
    folders: Folders,
    #[command(flatten)]
    lints: Lints,
}

/// Where programs may read files
#[derive(clap::Args, Clone, Debug)]
pub struct Folders {
    /// Where named data sets are looked for [default: $FSCHED_DATA, else data]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
    /// A further folder that the program may read from; may stand several times
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub allow_path: Vec<PathBuf>,
}

impl Folders {
    /// The folder of named data sets.
    pub fn data(&self) -> PathBuf {
        let set = || std::env::var_os("FSCHED_DATA").filter(|v| !v.is_empty()).map(PathBuf::from);
        match self.data_dir.clone().or_else(set) {
            // So that it is known to be named.
            Some(named) if named.as_os_str() == DEFAULT_DATA => Path::new(".").join(named),
            Some(named) => named,
            None => DEFAULT_DATA.into(),
        }
    }
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
        Places { program: folder_of(file), data: self.folders.data(), allowed: self.folders.allow_path.clone() }
    }

    /// The same as a run folder keeps it: with whole paths, for it may be resumed from elsewhere.
    pub fn as_given(&self, file: &Path) -> InputAsGiven {
        let Places { program, data, allowed } = self.places(file);
        let program = if program.as_os_str().is_empty() { PathBuf::from(".") } else { program };
        InputAsGiven {
            folder: whole(&program),
            data_dir: whole(&data),
            allow_path: allowed.iter().map(|path| whole(path)).collect(),
            set: self.set.clone(),
        }
    }

    /// The same places with the program's own values of its parameters.
    pub fn without_sets(&self) -> Input {
        Input { set: Vec::new(), folders: self.folders.clone(), lints: self.lints.clone() }
    }

    /// The program in a file.
    pub fn analyze(&self, file: &Path) -> Analysis {
        analyze(file, &self.disk(file), &self.options(file))
    }

    /// The same where a memory lies beside the weights that are measured, or none does.
    pub fn analyze_beside(&self, file: &Path, memory: bool) -> Analysis {
        analyze(file, &self.disk(file), &Options { memory, ..self.options(file) })
    }

    /// A program that is in no file.
    pub fn analyze_text(&self, program: &Program) -> Analysis {
        let path = Path::new(&program.name);
        let files = Overlay { path: path.to_path_buf(), text: program.text.clone(), below: &self.disk(path) };
        analyze(path, &files, &self.options(path))
    }

    /// Fixes a program of this text, of these folders.
    pub fn fix(&self, file: &Path, text: &str, level: Applicability) -> Fixed {
        let files = Overlay { path: file.to_path_buf(), text: text.to_string(), below: &self.disk(file) };
        fix(file, &files, &self.options(file), level)
    }

    /// The file itself, which the user named, and those that it may import.
    fn disk(&self, file: &Path) -> ProgramFiles {
        let folder = folder_of(file);
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        ProgramFiles { program: file.to_path_buf(), folder, allowed: self.folders.allow_path.clone() }
    }

    fn options(&self, file: &Path) -> Options {
        Options { sets: self.set.clone(), places: self.places(file), levels: self.lints.levels(), ..Options::default() }
    }
}

/// The folder of a program: the current one for a text that comes out of a pipe, as `check <(make_program)` names it.
fn folder_of(file: &Path) -> PathBuf {
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return PathBuf::new();
    }
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A path that means the same from everywhere.
pub fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.into()).display().to_string()
}

/// Does something with each file. One that can't be read or written is told, and the others are done all the same; the
/// worst that came of one is what came of all.
pub fn each(files: &[PathBuf], mut act: impl FnMut(&Path) -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    let mut worst = Exit::Done;
    for file in files {
        let exit = match act(file) {
            Ok(exit) => exit,
            // Without a message: whoever read the results has gone.
            Err(failure) if failure.message.is_empty() => return Err(failure),
            Err(failure) => {
                tell(&failure.render(Screen::stderr()));
                failure.exit
            }
        };
        worst = worst.max(exit);
    }
    Ok(worst)
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
        Form::Sarif => {
            out.write_all(sarif::log(&[(sources.clone(), diagnostics.to_vec())]).as_bytes())?;
            return Ok(());
        }
    };
    for diagnostic in diagnostics {
        writeln!(out, "{}", line(sources, diagnostic))?;
    }
    Ok(())
}
