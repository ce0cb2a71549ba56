//! `fsched fmt` and `fsched fix` as their users meet them: files and arguments in; files, stdout, stderr and status out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Place(tempfile::TempDir);

/// Status, stdout, stderr.
type Ran = (i32, String, String);

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| std::fs::write(place.path(name), text).unwrap());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
        command.args(arguments).current_dir(self.0.path()).env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}

const LOOSE: &str = "data   digits\nmodel mlp(hidden:[16])   # small\n\n\ntrain  2\n";
const CANONICAL: &str = "data digits\nmodel mlp(hidden: [16])  # small\n\ntrain 2\n";
const BROKEN: &str = "data   digits\ntrain (2\n";

#[test]
fn fmt_writes_what_changes_and_nothing_else() {
    let place = Place::new(&[("a.fsched", LOOSE), ("b.fsched", CANONICAL)]);
    let before = std::fs::metadata(place.path("b.fsched")).unwrap().modified().unwrap();
    let (status, out, err) = place.run(&["fmt", "a.fsched", "b.fsched"]);
    assert_eq!((status, &*out, &*err), (0, "", "formatted a.fsched\n"));
    assert_eq!(place.read("a.fsched"), CANONICAL);
    assert_eq!(std::fs::metadata(place.path("b.fsched")).unwrap().modified().unwrap(), before);
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 2, "nothing is left aside");
}

#[test]
fn fmt_reads_stdin() {
    let place = Place::new(&[]);
    assert_eq!(place.run_with(&["fmt", "-"], LOOSE), (0, CANONICAL.into(), "".into()));
    assert_eq!(place.run_with(&["fmt", "-"], ""), (0, "".into(), "".into()));
    let (status, out, err) = place.run_with(&["fmt", "-"], BROKEN);
    assert_eq!((status, &*out), (1, ""));
    assert!(err.contains("<stdin>:2:7") && err.contains("FS0004"), "{err}");
}

#[test]
fn check_and_diff_only_tell() {
    let place = Place::new(&[("a.fsched", LOOSE), ("b.fsched", CANONICAL)]);
    assert_eq!(place.run(&["fmt", "--check", "a.fsched", "b.fsched"]), (1, "a.fsched\n".into(), "".into()));
    assert_eq!(place.run(&["fmt", "--check", "b.fsched"]), (0, "".into(), "".into()));
    let diff = "--- a/a.fsched\n+++ b/a.fsched\n@@ -1,5 +1,4 @@\n-data   digits\n-model mlp(hidden:[16])   # small\n-\n\
        +data digits\n+model mlp(hidden: [16])  # small\n \n-train  2\n+train 2\n";
    assert_eq!(place.run(&["fmt", "--diff", "a.fsched", "b.fsched"]), (1, diff.into(), "".into()));
    assert_eq!(place.read("a.fsched"), LOOSE);
}

#[test]
fn a_diff_tells_of_a_missing_line_end() {
    let place = Place::new(&[("a.fsched", "train 2")]);
    let diff = "--- a/a.fsched\n+++ b/a.fsched\n@@ -1 +1 @@\n-train 2\n\\ No newline at end of file\n+train 2\n";
    assert_eq!(place.run(&["fmt", "--diff", "a.fsched"]).1, diff);
}

#[test]
fn fmt_leaves_broken_and_unreadable_files_alone_and_does_the_others() {
    let place = Place::new(&[("a.fsched", BROKEN), ("b.fsched", LOOSE)]);
    let (status, out, err) = place.run(&["fmt", "a.fsched", "b.fsched"]);
    assert_eq!((status, &*out), (1, ""));
    assert!(err.contains("FS0004 unclosed-bracket") && err.contains("formatted b.fsched"), "{err}");
    assert_eq!((place.read("a.fsched"), place.read("b.fsched")), (BROKEN.into(), CANONICAL.into()));
    std::fs::write(place.path("latin.fsched"), b"train 2\n# \xfc\n").unwrap();
    let (status, _, err) = place.run(&["fmt", "latin.fsched"]);
    assert_eq!(status, 1);
    assert!(err.contains("FS0405 not-utf8") && err.contains("line 2"), "{err}");
    let (status, _, err) = place.run(&["fmt", "gone.fsched"]);
    assert!(status == 1 && err.contains("FS0401 missing-file"), "{err}");
}

#[test]
fn commands_do_the_other_files_where_one_cannot_be_read() {
    for (arguments, done) in [
        (&["fmt"][..], "formatted b.fsched"),
        (&["fix"], "nothing to fix in b.fsched"),
        (&["check"], "b.fsched can be run"),
        (&["fmt", "--diff"], ""),
    ] {
        let place = Place::new(&[("b.fsched", LOOSE)]);
        std::fs::write(place.path("latin.fsched"), b"train 2\n# \xfc\n").unwrap();
        std::fs::create_dir(place.path("folder.fsched")).unwrap();
        let files = ["gone.fsched", "latin.fsched", "folder.fsched", "b.fsched", "missing.fsched"];
        let (status, out, err) = place.run(&[arguments, &files].concat());
        assert_eq!(status, 1, "{arguments:?}: {err}");
        for name in files.iter().filter(|f| **f != "b.fsched") {
            assert!(err.contains(name), "{arguments:?}: {name} is not told:\n{err}");
        }
        assert!(err.contains(done), "{arguments:?}: {err}");
        assert!(arguments.len() == 1 || out.contains("+data digits"), "{out}");
    }
    // Bytes that are no text come through stdin as well.
    let place = Place::new(&[("b.fsched", CANONICAL)]);
    let (status, _, err) = place.run(&["check", "-", "b.fsched"]);
    assert!(status == 0 && err.contains("b.fsched can be run"), "{err}");
}

#[cfg(unix)]
#[test]
fn links_and_modes_of_files_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new(&[("a.fsched", LOOSE)]);
    std::fs::set_permissions(place.path("a.fsched"), std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(Path::new("a.fsched"), place.path("link.fsched")).unwrap();
    assert_eq!(place.run(&["fmt", "link.fsched"]).0, 0);
    assert_eq!(place.read("a.fsched"), CANONICAL);
    let mode = std::fs::metadata(place.path("a.fsched")).unwrap().permissions().mode();
    assert!(mode & 0o777 == 0o640 && place.path("link.fsched").is_symlink());
}

const MISTAKES: &str = "data digits // small\nmodel mlp(hidden=[16])\ntrian 2\n";
const MENDED: &str = "data digits # small\nmodel mlp(hidden: [16])\ntrain 2\n";

#[test]
fn fix_says_what_was_fixed() {
    let place = Place::new(&[("a.fsched", MISTAKES)]);
    let (status, out, err) = place.run(&["fix", "a.fsched"]);
    assert_eq!((status, &*out, &*place.read("a.fsched")), (0, "", MENDED));
    let expected = [
        "fixed a.fsched:1: write `#` [FS0007 foreign-syntax]",
        "fixed a.fsched:2: write `:` [FS0007 foreign-syntax]",
        "fixed a.fsched:3: replace with `train` [FS0102 unknown-statement]",
    ];
    assert_eq!(err.lines().collect::<Vec<_>>(), expected);
    assert_eq!(place.run(&["fix", "a.fsched"]), (0, "".into(), "nothing to fix in a.fsched\n".into()));
}

#[test]
fn fix_says_what_is_left() {
    let text = "data digits\nmodel mlp(hidden: [16])\nforget head | layers[-1] 30 %\nrelearn 1\n";
    let place = Place::new(&[("a.fsched", text)]);
    let (status, _, err) = place.run(&["fix", "a.fsched"]);
    assert_eq!((status, place.read("a.fsched")), (1, text.replace("30 %", "30%")));
    assert!(err.contains("error[FS0007 foreign-syntax]") && err.contains("1 more fix with `--unsafe`"), "{err}");
    let (status, _, err) = place.run(&["fix", "--unsafe", "a.fsched"]);
    assert_eq!((status, place.read("a.fsched")), (0, text.replace("30 %", "30%").replace('|', "+")), "{err}");
}

#[test]
fn fix_shows_a_diff_or_works_on_stdin() {
    let place = Place::new(&[("a.fsched", MISTAKES)]);
    let (status, out, err) = place.run(&["fix", "--diff", "a.fsched"]);
    assert!(out.starts_with("--- a/a.fsched\n+++ b/a.fsched\n@@ -1,3 +1,3 @@\n-data digits // small\n"), "{out}");
    assert!(status == 1 && err.starts_with("would fix a.fsched:1: write `#`"), "{err}");
    assert_eq!(place.read("a.fsched"), MISTAKES);
    let (status, out, _) = place.run_with(&["fix", "-"], MISTAKES);
    assert_eq!((status, &*out), (0, MENDED));
}
