//! `fsched completions` and `fsched man`: what shells and `man` make of them.

use std::path::Path;
use std::process::Command;

fn fsched(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fsched")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last of these words.
fn completed(words: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("fsched.bash");
    std::fs::write(&script, fsched(&["completions", "bash"])).unwrap();
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let ask = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={}; _fsched fsched {last:?} {before:?}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).current_dir(dir.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(completed(&["fsched", "comp"]), ["completions"]);
    assert_eq!(completed(&["fsched", "fmt", "--ch"]), ["--check"]);
    assert_eq!(completed(&["fsched", "check", "--format", "sa"]), ["sarif"]);
    assert_eq!(completed(&["fsched", "diversify", "--over", "multi"]), ["multiple_choice"]);
    assert_eq!(completed(&["fsched", "explain", "unclosed"]), ["unclosed-bracket"]);
    assert_eq!(completed(&["fsched", "list", "optim"]), ["optimizers"]);
    for flag in ["--deny", "--warn", "--allow"] {
        assert_eq!(completed(&["fsched", "check", flag, "forgets-n"]), ["forgets-nothing"]);
        assert_eq!(completed(&["fsched", "lsp", flag, "FS1003"]), ["FS1003"]);
    }
    assert!(completed(&["fsched", "fix", "--deny", ""]).contains(&"lints".to_string()));
    assert!(!completed(&["fsched", "fix", "--deny", ""]).contains(&"unknown-name".to_string()));
    let optimizers = completed(&["fsched", "list", "optimizers", ""]);
    assert!(["sgd", "adam"].iter().all(|name| optimizers.contains(&name.to_string())), "{optimizers:?}");
    assert!(!optimizers.contains(&"pgd".to_string()), "{optimizers:?}");
    assert_eq!(completed(&["fsched", "list", "data", "cifar100"]), ["cifar100"]);
    assert_eq!(completed(&["fsched", "list", "attacks", "pg"]), ["pgd"]);
    // Nothing of ours: bash goes on with the names of files.
    assert_eq!(completed(&["fsched", "fix", "fsched.b"]), [""]);
    assert!(fsched(&["completions", "bash"]).contains("-o default fsched"));
}

#[test]
fn other_shells_get_a_script_that_knows_every_command() {
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let script = fsched(&["completions", shell]);
        for word in ["run", "check", "plan", "fmt", "fix", "explain", "list", "unsafe"] {
            assert!(script.contains(word), "{shell} does not know `{word}`");
        }
    }
    let zsh = fsched(&["completions", "zsh"]);
    assert!(["FS0102", "unclosed-bracket", "optimizers", "sarif", "_files"].iter().all(|word| zsh.contains(word)));
}

#[test]
fn each_command_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("man/man1");
    let listed = fsched(&["man", "--out", folder.to_str().unwrap()]);
    let main = std::fs::read_to_string(folder.join("fsched.1")).unwrap();
    assert_eq!(fsched(&["man"]), main);
    for path in listed.lines().map(Path::new) {
        let page = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(page.contains(&format!(".TH {name} 1 \" \" \"fsched ")), "{name}:\n{page}");
        assert!([".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"].iter().all(|part| page.contains(part)), "{name}:\n{page}");
        let linked = name == "fsched" || main.contains(&format!("{}(1)", name.replace('-', "\\-")));
        assert!(linked, "{name} is not on the main page");
    }
    assert!(listed.lines().count() > 9, "{listed}");
}
