//! What a program of a stranger may name: what lies in its own folder and in the data folder, whatever way it tries.

use crate::allocations::turn;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of a stranger's, a data folder, and beside them what is nobody's business.
struct Tree {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

fn tree() -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["work", "shared", "home/set/a", "home/runs"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("home/secret.fsched"), "let secret = 7\n").unwrap();
    fs::write(root.join("home/model.safetensors"), b"secret").unwrap();
    image::GrayImage::new(16, 16).save(root.join("home/set/a/1.png")).unwrap();
    Tree { _folder: folder, root }
}

impl Tree {
    fn link(&self, target: &str, name: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.root.join(target), path).unwrap();
    }

    /// A program in the stranger's folder.
    fn program(&self, text: &str) {
        fs::write(self.root.join("work/a.fsched"), text).unwrap();
    }

    /// fsched in the stranger's folder.
    fn fsched(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
        command.current_dir(self.root.join("work")).args(arguments).env_remove("FSCHED_DATA").stdin(Stdio::null());
        command.output().unwrap()
    }

    /// What `check` says: `file:line:column: error[…]: …` lines.
    fn check(&self, arguments: &[&str]) -> String {
        let output = self.fsched(&[&["check", "--format", "short", "a.fsched"], arguments].concat());
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    /// Checks that a program is refused with this code, and that allowing the secret folder changes that.
    #[track_caller]
    fn refuses(&self, text: &str, code: &str) {
        self.program(text);
        let said = self.check(&[]);
        assert!(said.contains(&format!("error[{code}]")), "{text}\n{said}");
        assert!(!said.contains("secret = 7"), "{said}");
    }
}

/// A statement for each thing that a program reads by a path.
fn naming(path: &str) -> [String; 4] {
    [
        format!("use {path:?}\n"),
        format!("data digits\nmodel mlp(hidden: [4])\nweights {path:?}\n"),
        format!("data image_folder({path:?})\ntrain 1\n"),
        format!("data idx({path:?})\ntrain 1\n"),
    ]
}

#[test]
fn neither_dots_nor_roots_nor_links_lead_out() {
    let _turn = turn();
    let t = tree();
    t.link("home", "work/out");
    t.link("work/out", "work/twice");
    t.link("home/secret.fsched", "work/link.fsched");
    t.link("home", "shared/out");
    fs::create_dir(t.root.join("work/sub")).unwrap();
    let absolute = t.root.join("home/secret.fsched").display().to_string();
    let named = [
        "../home/secret.fsched",
        "sub/../../home/set",
        "./../home/set",
        "..",
        "/etc/passwd",
        &absolute,
        "out/secret.fsched",
        "out/set",
        "twice/set",
        "twice/secret.fsched",
        "link.fsched",
        "out",
    ];
    for path in named {
        for text in naming(path) {
            // A folder is no import; links to folders are told of before that.
            t.refuses(&text, "FS0404");
        }
    }
    // By way of the data folder.
    for text in &naming("out/set")[1..] {
        fs::remove_file(t.root.join("work/out")).ok();
        t.program(text);
        let said = t.check(&["--data-dir", "../shared"]);
        assert!(said.contains("error[FS0404]") && said.contains("is a link that leads outside"), "{said}");
    }
}

#[test]
fn names_of_other_systems_and_odd_names_are_only_names() {
    let _turn = turn();
    let t = tree();
    let long = "x".repeat(300);
    let longest = "x/".repeat(3000);
    for path in [
        "C:\\windows",
        "\\\\server\\share",
        "..\\home\\set",
        "file:///etc/passwd",
        "~/set",
        "$HOME",
        "CON",
        &long,
        &longest,
    ] {
        for text in naming(path) {
            t.program(&text);
            let said = t.check(&[]);
            assert!(said.contains("error[FS0401]"), "{path}: {said}");
        }
    }
    for path in ["a\\u{0}b", "\\u{0}"] {
        t.program(&format!("data idx(\"{path}\")\n"));
        assert!(t.check(&[]).contains("error["), "{path}");
    }
}

#[test]
fn links_in_folders_of_pictures_are_held_to_the_same() {
    let _turn = turn();
    let t = tree();
    let text = "data image_folder(\"set\")\ntrain 1\n";
    for (target, name) in
        [("home/set/a", "work/set/a"), ("home/set/a/1.png", "work/set/b/1.png"), ("home/set", "work/set")]
    {
        let _ = fs::remove_dir_all(t.root.join("work/set")).or_else(|_| fs::remove_file(t.root.join("work/set")));
        t.link(target, name);
        t.refuses(text, "FS0404");
    }
    let allowed = ["--allow-path", "../home"];
    assert!(!t.check(&allowed).contains("error[FS04"), "{}", t.check(&allowed));
}

#[test]
fn allowed_folders_may_be_read_from() {
    let _turn = turn();
    let t = tree();
    t.link("home/secret.fsched", "work/link.fsched");
    for text in ["use \"link.fsched\"\nlet x = secret\n", "data image_folder(\"../home/set\")\ntrain 1\n"] {
        t.refuses(text, "FS0404");
        let said = t.check(&["--allow-path", "../home"]);
        assert!(!said.contains("error["), "{said}");
    }
}

#[test]
fn what_the_user_names_is_trusted_though_it_be_a_link_or_a_pipe() {
    let _turn = turn();
    let t = tree();
    fs::write(t.root.join("home/good.fsched"), "data digits\nmodel mlp(hidden: [4])\ntrain 1\n").unwrap();
    t.link("home/good.fsched", "work/a.fsched");
    assert!(t.check(&[]).contains("a.fsched can be run") || t.check(&[]).is_empty(), "{}", t.check(&[]));
    // Its imports lie beside the link, where it was named.
    fs::write(t.root.join("home/good.fsched"), "use \"beside.fsched\"\n").unwrap();
    fs::write(t.root.join("work/beside.fsched"), "let n = 3\n").unwrap();
    assert!(!t.check(&[]).contains("error["), "{}", t.check(&[]));
    let pipe = format!("exec {:?} check --format short <(echo 'train x')", env!("CARGO_BIN_EXE_fsched"));
    if let Ok(output) = Command::new("bash").args(["-c", &pipe]).output() {
        assert!(String::from_utf8_lossy(&output.stdout).contains("nothing here is called `x`"), "{output:?}");
    }
}

#[test]
fn a_data_folder_that_came_as_a_link_is_only_followed_when_it_is_named() {
    let _turn = turn();
    let t = tree();
    t.link("home", "work/data");
    t.program("data image_folder(\"set\")\ntrain 1\n");
    let said = String::from_utf8(t.fsched(&["check", "a.fsched"]).stderr).unwrap();
    assert!(said.contains("error[FS0404") && said.contains("if it is yours, name it: `--data-dir data`"), "{said}");
    for named in [["--data-dir", "data"], ["--data-dir", "../home"]] {
        assert!(!t.check(&named).contains("error[FS04"), "{}", t.check(&named));
    }
    // One that stays in the folder is no way out.
    fs::remove_file(t.root.join("work/data")).unwrap();
    fs::create_dir(t.root.join("work/stored")).unwrap();
    t.link("work/stored", "work/data");
    assert!(t.check(&[]).contains("error[FS0401]"), "{}", t.check(&[]));
}

/// Everything below a folder.
fn all_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            all_below(&path, found);
        }
        found.push(path);
    }
}

#[test]
fn a_run_writes_into_its_folder_alone() {
    let _turn = turn();
    let t = tree();
    for name in ["program.fsched", "sub/manifest.fsched", "Lock/x.fsched", "checkpoints/best/x.fsched"] {
        let path = t.root.join("work").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("let v{} = 1\n", name.len())).unwrap();
    }
    let text = "data digits(train: 40)\nmodel mlp(hidden: [4])\nbatch 20\noptimizer sgd(lr: 0.1)\nuse \"program.fsched\"\n\
                use \"sub/manifest.fsched\"\nuse \"Lock/x.fsched\"\nuse \"checkpoints/best/x.fsched\"\nkeep last: 1, every: 1 epoch\n\
                train 1\ncheckpoint \"best\"\ncheckpoint \"name-best\"\ncheckpoint \"step-00000002\"\ncheckpoint \"new\"\nevaluate clean on test\n";
    t.program(text);
    let mut before = Vec::new();
    all_below(&t.root, &mut before);
    let output = t.fsched(&["run", "a.fsched", "--quiet", "--out", "run"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = t.root.join("work/run");
    let mut after = Vec::new();
    all_below(&t.root, &mut after);
    after.retain(|path| !before.contains(path) && !path.starts_with(&run));
    assert_eq!(after, Vec::<PathBuf>::new());
    assert_eq!(fs::read_to_string(run.join("program.fsched")).unwrap(), text);
    for name in ["best", "name-best", "name-name-best", "name-step-00000002", "new"] {
        let state = run.join("checkpoints").join(name).join("state.json");
        assert!(name == "best" || state.exists(), "{name}");
    }
}

/// A run folder whose run was cut off, as far as its manifest says; a change of that.
fn cut_off(t: &Tree, change: impl FnOnce(&mut serde_json::Value)) -> PathBuf {
    let run = t.root.join("work/run");
    let manifest = run.join("manifest.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    (json["status"], json["finished"]) = ("running".into(), false.into());
    change(&mut json);
    fs::write(&manifest, json.to_string()).unwrap();
    run
}

#[test]
fn a_run_folder_that_is_resumed_leads_nowhere_else() {
    let _turn = turn();
    let t = tree();
    t.program("data digits(train: 40)\nmodel mlp(hidden: [4])\nbatch 20\noptimizer sgd(lr: 0.1)\ntrain 1\ncheckpoint \"good\"\ntrain 1\n");
    assert!(t.fsched(&["run", "a.fsched", "--quiet", "--out", "run"]).status.success());
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    // A text of the program that lies elsewhere.
    cut_off(&t, |json| {
        json["program"]["imports"] = serde_json::json!([{ "name": "b.fsched", "file": "../../home/secret.fsched" }])
    });
    let refused = said(t.fsched(&["resume", "run", "--quiet"]));
    assert!(refused.contains("lies outside of the run's folder") && !refused.contains("secret = 7"), "{refused}");
    // A link in the place of a log that would be cut back, of the lock, of a folder.
    for name in ["events.jsonl", "lock", "checkpoints"] {
        let run = cut_off(&t, |json| json["program"]["imports"] = serde_json::json!([]));
        let (kept, place) = (t.root.join("work/kept"), run.join(name));
        let there = fs::rename(&place, &kept).is_ok();
        symlink(t.root.join("home/secret.fsched"), &place).unwrap();
        let refused = said(t.fsched(&["resume", "run", "--quiet"]));
        assert!(refused.contains("it is a link or a device"), "{name}: {refused}");
        assert_eq!(fs::read_to_string(t.root.join("home/secret.fsched")).unwrap(), "let secret = 7\n");
        fs::remove_file(&place).unwrap();
        if there {
            fs::rename(&kept, &place).unwrap();
        }
    }
    // Checkpoints whose names are ways out, with the seal that belongs to them.
    let run = cut_off(&t, |_| {});
    let checkpoints: Vec<PathBuf> = fs::read_dir(run.join("checkpoints")).unwrap().map(|e| e.unwrap().path()).collect();
    for folder in &checkpoints {
        let path = folder.join("state.json");
        let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let pair = state["pair"].clone();
        state["named"]["../../../../home/set"] = pair;
        fs::write(&path, crate::honest::sealed(state.to_string().as_bytes()).unwrap()).unwrap();
    }
    let told = said(t.fsched(&["resume", "run"]));
    assert!(told.contains("which no run makes"), "{told}");
    assert!(t.root.join("home/set/a/1.png").exists());
}

#[test]
fn checkpoints_have_names_that_every_disk_takes_and_no_others() {
    let _turn = turn();
    let t = tree();
    let long = "x".repeat(101);
    let bad = [
        "../../x", "a/b", "/x", "a\\\\b", "..", ".", ".x", " x", "", "a\\nb", "a\\u{0}b", "x.", "x ", "CON", "nul.txt",
        "com1", "LPT9", "a:b", "a*", &long,
    ];
    for name in bad {
        t.program(&format!("data digits\nmodel mlp(hidden: [4])\ntrain 1\ncheckpoint \"{name}\"\n"));
        let said = t.check(&[]);
        assert!(said.contains("error["), "{name:?}: {said}");
    }
    for name in ["x", "a b", "a-b_c.d", "é", "console", "com", "best", &"x".repeat(100)] {
        t.program(&format!("data digits\nmodel mlp(hidden: [4])\ntrain 1\ncheckpoint \"{name}\"\n"));
        assert!(!t.check(&[]).contains("error["), "{name:?}: {}", t.check(&[]));
    }
    // On disks that don't tell large letters from small ones they would be one folder.
    t.program("data digits\nmodel mlp(hidden: [4])\ntrain 1\ncheckpoint \"Good\"\ntrain 1\ncheckpoint \"good\"\n");
    assert!(t.check(&[]).contains("error["), "{}", t.check(&[]));
}
