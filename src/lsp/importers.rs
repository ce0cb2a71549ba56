//! Programs on the disk that may import a file, though no editor has them open.

use std::path::{Path, PathBuf};

/// Programs that are looked at for one question of the user's.
const MOST_PROGRAMS: usize = 500;

/// Longer texts are no programs that somebody wrote.
const LONGEST: u64 = 1 << 20;

/// Files with a `use` beside the file at `path`, or above it up to the editor's folders, in order. There are no others
/// that import it: imports stay in the folder of the program.
pub fn candidates(path: &Path, folders: &[PathBuf]) -> Vec<PathBuf> {
    let inside = folders.iter().any(|folder| path.starts_with(folder));
    let mut found = Vec::new();
    for folder in path.ancestors().skip(1).filter(|f| f.is_absolute()) {
        let mut programs: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|p| p != path && p.extension().is_some_and(|e| e == "fsched"))
            .take(MOST_PROGRAMS)
            .collect();
        programs.sort();
        found.extend(programs.into_iter().filter(|p| has_imports(p)));
        if !inside || folders.iter().any(|f| f == folder) {
            break;
        }
    }
    found.truncate(MOST_PROGRAMS);
    found
}

fn has_imports(program: &Path) -> bool {
    let is_program = std::fs::metadata(program).is_ok_and(|m| m.is_file() && m.len() <= LONGEST);
    is_program && std::fs::read(program).is_ok_and(|text| text.windows(3).any(|w| w == b"use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_beside_a_file_and_above_it_may_import_it() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::create_dir_all(path("work/lib/deep")).unwrap();
        let text = "use \"common.fsched\"\n";
        for name in ["outside", "work/b", "work/a", "work/lib/common", "work/lib/beside", "work/lib/deep/below"] {
            std::fs::write(path(&format!("{name}.fsched")), text).unwrap();
        }
        std::fs::write(path("work/plain.fsched"), "train 1\n").unwrap();
        std::fs::write(path("work/notes.txt"), text).unwrap();
        let found = |folders: &[PathBuf]| {
            let found = candidates(&path("work/lib/common.fsched"), folders);
            let name = |p: &PathBuf| p.strip_prefix(root.path()).unwrap().display().to_string();
            found.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found(&[path("work")]), ["work/lib/beside.fsched", "work/a.fsched", "work/b.fsched"]);
        assert_eq!(found(&[]), ["work/lib/beside.fsched"], "without a folder of the editor's, only beside it");
        assert!(candidates(Path::new("untitled:1"), &[]).is_empty());
    }
}
