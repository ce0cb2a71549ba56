//! Programs on the disk that import a file, though no editor has them open.

use crate::language::imports_at_a_glance;
use crate::source::Source;
use crate::syntax::MAX_BYTES;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one question of the user's may cost.
struct Limits {
    /// files and folders that are looked at
    entries: usize,
    /// bytes of programs that are searched for imports
    bytes: usize,
    /// programs that import the file
    programs: usize,
}

const LIMITS: Limits = Limits { entries: 100_000, bytes: 64 << 20, programs: 1_000 };

/// Programs that import a file, also by way of others.
#[derive(Debug, Default)]
pub struct Found {
    /// by folder, from that of the file upwards, and by name
    pub programs: Vec<PathBuf>,
    /// the limit that others may have been left out for
    pub left_out: Option<String>,
}

/// Programs beside the file at `path`, or above it up to the editor's folders, whose `use` lead to it. There are no
/// others: imports stay in the folder of the program. A text of `open` hides its file.
pub fn find(path: &Path, folders: &[PathBuf], open: &BTreeMap<PathBuf, Arc<Source>>) -> Found {
    find_within(&LIMITS, path, folders, open)
}

fn find_within(limits: &Limits, path: &Path, folders: &[PathBuf], open: &BTreeMap<PathBuf, Arc<Source>>) -> Found {
    let (candidates, all) = listed(path, folders, limits.entries);
    let mut search = Search { path, open, bytes: limits.bytes, left_out: None, importers: BTreeMap::new() };
    if !all {
        search.left_out = Some(format!("there are more than {} files beside it and above it", limits.entries));
    }
    search.read_all(&candidates);
    let importing = search.importing();
    let mut programs: Vec<PathBuf> =
        candidates.into_iter().filter(|p| importing.contains(p) && !open.contains_key(p)).collect();
    if programs.len() > limits.programs {
        programs.truncate(limits.programs);
        search.left_out = Some(format!("more than {} programs import it", limits.programs));
    }
    Found { programs, left_out: search.left_out }
}

/// Programs beside the file and above it; and whether these are all.
fn listed(path: &Path, folders: &[PathBuf], most: usize) -> (Vec<PathBuf>, bool) {
    let inside = folders.iter().any(|folder| path.starts_with(folder));
    let (mut found, mut left) = (Vec::new(), most);
    for folder in path.ancestors().skip(1).filter(|f| f.is_absolute()) {
        let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut programs: Vec<PathBuf> = entries
            .by_ref()
            .take(left)
            .inspect(|_| left -= 1)
            .filter_map(|entry| is_program(&entry).then(|| entry.path()))
            .filter(|p| p != path)
            .collect();
        programs.sort();
        found.extend(programs);
        if left == 0 && entries.next().is_some() {
            return (found, false);
        }
        if !inside || folders.iter().any(|f| f == folder) {
            break;
        }
    }
    (found, true)
}

fn is_program(entry: &DirEntry) -> bool {
    Path::new(&entry.file_name()).extension().is_some_and(|e| e == "fsched")
}

/// Which file names which in a `use`, as far as it may matter for one file.
struct Search<'s> {
    path: &'s Path,
    open: &'s BTreeMap<PathBuf, Arc<Source>>,
    /// bytes that may still be read
    bytes: usize,
    left_out: Option<String>,
    /// of each file those that name it
    importers: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl Search<'_> {
    /// Reads the programs, and what they import where that may lead to the file.
    fn read_all(&mut self, programs: &[PathBuf]) {
        let mut known: HashSet<PathBuf> = programs.iter().cloned().collect();
        let mut rest: Vec<PathBuf> = programs.iter().rev().cloned().collect();
        while let Some(program) = rest.pop() {
            for target in self.imports(&program) {
                // From below another folder nothing leads here.
                let leads_here = target.parent().is_some_and(|folder| self.path.starts_with(folder));
                if leads_here && target != self.path && known.insert(target.clone()) {
                    rest.push(target.clone());
                }
                self.importers.entry(target).or_default().push(program.clone());
            }
        }
    }

    fn imports(&mut self, program: &Path) -> Vec<PathBuf> {
        if let Some(source) = self.open.get(program) {
            return imports_at_a_glance(program, &source.text);
        }
        // What is larger is no program. A pipe would wait for its other end.
        let length = std::fs::metadata(program).ok().filter(|m| m.is_file()).map(|m| m.len() as usize);
        let Some(length) = length.filter(|l| *l <= MAX_BYTES) else { return Vec::new() };
        let Some(left) = self.bytes.checked_sub(length) else {
            let told = "the programs beside it and above it have too much text to be searched";
            self.left_out.get_or_insert_with(|| told.to_string());
            return Vec::new();
        };
        self.bytes = left;
        std::fs::read_to_string(program).map(|text| imports_at_a_glance(program, &text)).unwrap_or_default()
    }

    /// All from which imports lead to the file.
    fn importing(&self) -> BTreeSet<PathBuf> {
        let (mut found, mut rest) = (BTreeSet::new(), vec![self.path]);
        while let Some(file) = rest.pop() {
            for importer in self.importers.get(file).into_iter().flatten() {
                if found.insert(importer.clone()) {
                    rest.push(importer);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with files, each with this text.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn names(found: &Found, root: &Path) -> Vec<String> {
        found.programs.iter().map(|p| p.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn programs_beside_a_file_and_above_it_that_lead_to_it_are_found() {
        let root = folder(&[
            ("outside.fsched", "use \"work/lib/common.fsched\"\n"),
            ("work/b.fsched", "use \"./lib/common.fsched\"\n"),
            ("work/a.fsched", "let n = 1\nuse \"lib/beside.fsched\"\n"),
            ("work/hidden.fsched", "use \"lib/common.fsched\"\n"),
            ("work/through.fsched", "use \"hidden.fsched\"\n"),
            ("work/around.fsched", "use \"through.fsched\"\nuse \"around.fsched\"\n"),
            ("work/by_text.fsched", "use \"lib/text.txt\"\n"),
            ("work/lib/text.txt", "use \"common.fsched\"\n"),
            ("work/lib/common.fsched", "let a = 1\n"),
            ("work/lib/beside.fsched", "use \"common.fsched\"\n"),
            ("work/lib/deep/below.fsched", "use \"common.fsched\"\n"),
            // These say `use` and name it, but import something else.
            ("work/because.fsched", "# because of \"lib/common.fsched\"\nlet used = \"lib/common.fsched\"\n"),
            ("work/comment.fsched", "# use \"lib/common.fsched\"\ntrain 1\n"),
            ("work/other.fsched", "use \"common.fsched\"\nuse \"lib/deep/below.fsched\"\n"),
            ("work/notes.txt", "use \"lib/common.fsched\"\n"),
        ]);
        let (path, work) = (root.path().join("work/lib/common.fsched"), root.path().join("work"));
        // An open text counts, its file doesn't; who has it open knows what it imports.
        let text = Arc::new(Source::new("hidden", "use \"lib/beside.fsched\"\n"));
        let open = BTreeMap::from([(work.join("hidden.fsched"), text)]);
        let found = find(&path, std::slice::from_ref(&work), &open);
        let wanted = ["lib/beside", "a", "around", "b", "by_text", "through"].map(|n| format!("work/{n}.fsched"));
        assert_eq!((names(&found, root.path()), found.left_out), (wanted.to_vec(), None));
        let beside = find(&path, &[], &BTreeMap::new());
        assert_eq!(names(&beside, &work), ["lib/beside.fsched"], "without a folder of the editor's, only beside it");
        assert!(find(Path::new("untitled:1"), &[], &BTreeMap::new()).programs.is_empty());
    }

    #[test]
    fn a_limit_that_leaves_something_out_is_told() {
        let uses = "use \"lib.fsched\"\n";
        let root = folder(&[("a.fsched", uses), ("b.fsched", uses), ("c.fsched", "train 1\n"), ("lib.fsched", "")]);
        let path = root.path().join("lib.fsched");
        let found = |entries, bytes, programs| {
            let found = find_within(&Limits { entries, bytes, programs }, &path, &[], &BTreeMap::new());
            (found.programs.len(), found.left_out)
        };
        let bytes = 2 * uses.len() + 8;
        assert_eq!(found(4, bytes, 2), (2, None));
        assert_eq!(found(4, bytes, 1), (1, Some("more than 1 programs import it".into())));
        assert_eq!(found(3, bytes, 2).1, Some("there are more than 3 files beside it and above it".into()));
        assert_eq!(
            found(4, bytes - 1, 2),
            (2, Some("the programs beside it and above it have too much text to be searched".into()))
        );
        assert_eq!(found(4, 0, 2).0, 0);
    }
}
