//! Where a program may read files, and which file a path of a program means.

use crate::components::{Problem, ProblemKind};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Where files may be looked for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// folder of the program; relative paths start here
    pub program: PathBuf,
    /// `--data-dir`: named data sets are looked for here; [`DEFAULT_DATA`] where the user names none
    pub data: PathBuf,
    /// `--allow-path`: further folders that may be read
    pub allowed: Vec<PathBuf>,
}

/// The data folder of those who name none. A program may have brought a link of that name along, so it is not followed
/// out of the current folder; what the user names is never written like this, but `./data`.
pub const DEFAULT_DATA: &str = "data";

impl Places {
    /// The file or folder that a path of a program means: beside the program if it is there, else in the data folder.
    /// The answer is the real path, links followed.
    ///
    /// `..`, absolute paths and links that lead out of both are [`ProblemKind::ForbiddenPath`] unless they end in an
    /// allowed folder; a path that isn't there is [`ProblemKind::MissingFile`].
    pub fn resolve(&self, text: &str) -> Result<PathBuf, Problem> {
        if text.is_empty() {
            return Err(Problem::new(ProblemKind::MissingFile, "the path is empty").help("name a file or folder"));
        }
        let path = Path::new(text);
        let strays = path.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir));
        let roots = if strays { self.allowed_roots() } else { self.roots() };
        if strays && roots.is_empty() {
            return Err(forbidden(text, path));
        }
        for start in [&self.program, &self.data] {
            match start.join(path).canonicalize() {
                Ok(real) if roots.iter().any(|root| real.starts_with(root)) => return Ok(real),
                Ok(_) if start == &self.data && !strays && self.data_root().is_none() => return Err(doubtful()),
                Ok(_) => return Err(forbidden(text, path)),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(e) => return Err(Problem::new(ProblemKind::MissingFile, format!("cannot open `{text}`: {e}"))),
            }
        }
        let places = format!("it was looked for beside the program and in {}", shown_folder(&self.data));
        Err(Problem::new(ProblemKind::MissingFile, format!("there is no `{text}`")).help(places))
    }

    /// The real path of something found inside a resolved folder; refuses a link that leads out, as [`Places::resolve`].
    pub fn admit(&self, found: &Path, shown: &str) -> Result<PathBuf, Problem> {
        match found.canonicalize() {
            Ok(real) if self.roots().iter().any(|root| real.starts_with(root)) => Ok(real),
            Ok(_) => Err(forbidden(shown, Path::new(""))),
            Err(e) => Err(Problem::new(ProblemKind::MissingFile, format!("cannot open `{shown}`: {e}"))),
        }
    }

    fn roots(&self) -> Vec<PathBuf> {
        let own = [real_folder(&self.program), self.data_root()].into_iter().flatten();
        own.chain(self.allowed_roots()).collect()
    }

    fn data_root(&self) -> Option<PathBuf> {
        let real = real_folder(&self.data)?;
        let believed = self.data.as_os_str() != DEFAULT_DATA || real.starts_with(real_folder(Path::new(""))?);
        believed.then_some(real)
    }

    fn allowed_roots(&self) -> Vec<PathBuf> {
        self.allowed.iter().filter_map(|place| real_folder(place)).collect()
    }
}

/// A root with its links followed; a program given as `a.fsched` lies in the folder "", which is the current one.
fn real_folder(place: &Path) -> Option<PathBuf> {
    let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    place.canonicalize().ok()
}

fn shown_folder(place: &Path) -> String {
    if place.as_os_str().is_empty() { "the current folder".into() } else { format!("`{}`", place.display()) }
}

fn doubtful() -> Problem {
    let message =
        format!("`{DEFAULT_DATA}` is a link that leads out of the current folder; it may have come with the program");
    let help = format!("if it is yours, name it: `--data-dir {DEFAULT_DATA}`");
    Problem::new(ProblemKind::ForbiddenPath, message).help(help)
}

fn forbidden(shown: &str, path: &Path) -> Problem {
    let why = if path.has_root() || matches!(path.components().next(), Some(Component::Prefix(_))) {
        "is an absolute path"
    } else if path.components().any(|c| c == Component::ParentDir) {
        "holds `..`"
    } else {
        "is a link that leads outside"
    };
    let message = format!("`{shown}` {why}; a program reads only its own folder and the data folder");
    Problem::new(ProblemKind::ForbiddenPath, message).help("allow the folder it leads to with `--allow-path DIR`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Tree {
        _folder: tempfile::TempDir,
        root: PathBuf,
        places: Places,
    }

    /// `program/` and `data/` side by side, `secret` above both.
    fn tree() -> Tree {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["program/both", "data/both", "data/mnist", "outside"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("outside/secret"), "s").unwrap();
        let places = Places { program: root.join("program"), data: root.join("data"), allowed: vec![] };
        Tree { _folder: folder, root, places }
    }

    #[test]
    fn beside_the_program_comes_before_the_data_folder() {
        let t = tree();
        assert_eq!(t.places.resolve("both").unwrap(), t.root.join("program/both"));
        assert_eq!(t.places.resolve("./mnist").unwrap(), t.root.join("data/mnist"));
    }

    #[test]
    fn what_is_not_there_is_missing_and_says_where_it_was_looked_for() {
        let t = tree();
        for text in ["nowhere", "both/x/y", "", "a\0b"] {
            let problem = t.places.resolve(text).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::MissingFile, "{text:?}: {problem}");
        }
        let help = t.places.resolve("nowhere").unwrap_err().help.unwrap();
        assert!(help.contains(&t.places.data.display().to_string()), "{help}");
    }

    #[test]
    fn ways_out_are_refused_and_the_help_names_the_flag() {
        let t = tree();
        let absolute = t.root.join("outside/secret").display().to_string();
        for text in ["../outside/secret", "both/../both", &absolute, "..", "/"] {
            let problem = t.places.resolve(text).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::ForbiddenPath, "{text}: {problem}");
            assert!(problem.help.unwrap().contains("--allow-path"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_may_point_inside_but_not_outside() {
        let t = tree();
        let link =
            |target: &str, name: &str| std::os::unix::fs::symlink(t.root.join(target), t.root.join(name)).unwrap();
        link("data/mnist", "program/inside");
        link("outside", "program/escape");
        link("outside/secret", "data/mnist/file");
        assert_eq!(t.places.resolve("inside").unwrap(), t.root.join("data/mnist"));
        for text in ["escape", "escape/secret", "inside/file"] {
            assert_eq!(t.places.resolve(text).unwrap_err().kind, ProblemKind::ForbiddenPath, "{text}");
        }
        let found = t.root.join("data/mnist/file");
        assert_eq!(t.places.admit(&found, "mnist/file").unwrap_err().kind, ProblemKind::ForbiddenPath);
    }

    #[test]
    fn an_allowed_folder_may_be_reached_by_any_way() {
        let mut t = tree();
        t.places.allowed.push(t.root.join("outside"));
        let secret = t.root.join("outside/secret");
        assert_eq!(t.places.resolve("../outside/secret").unwrap(), secret);
        assert_eq!(t.places.resolve(&secret.display().to_string()).unwrap(), secret);
        assert_eq!(t.places.resolve("../data/mnist").unwrap_err().kind, ProblemKind::ForbiddenPath);
    }
}
