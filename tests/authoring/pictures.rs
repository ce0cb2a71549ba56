//! The pictures of docs/authoring.md are what a terminal shows for the programs in docs/authoring/, drawn anew and compared.

use anstyle_svg::Term;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Columns of the terminal in the pictures.
const COLUMNS: &str = "96";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/authoring")
}

/// A prompt with the command, then what it prints, in colour.
fn terminal(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fsched"))
        .args(command.split(' '))
        .current_dir(folder())
        .env("CLICOLOR_FORCE", "1")
        .env("COLUMNS", COLUMNS)
        .env("LANG", "C.UTF-8")
        .env_remove("NO_COLOR")
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .output()
        .unwrap();
    let prompt = format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1mfsched {command}\u{1b}[0m\n");
    prompt + &String::from_utf8(output.stderr).unwrap() + String::from_utf8(output.stdout).unwrap().trim_end()
}

/// `![…](authoring/NAME.svg)` in the page: the names, in order.
fn pictures() -> Vec<String> {
    let page = std::fs::read_to_string(folder().with_extension("md")).unwrap();
    let names = page.split("](authoring/").skip(1).filter_map(|p| p.split_once(".svg)"));
    names.map(|(name, _)| name.to_string()).collect()
}

#[test]
fn pictures_show_what_the_terminal_shows() {
    let pictures = pictures();
    assert!(pictures.len() >= 10, "the page shows ten mistakes");
    let mut stale = Vec::new();
    for name in &pictures {
        let command = match name.strip_prefix("fix-") {
            Some(program) => format!("fix --diff {program}.fsched"),
            None => format!("check {name}.fsched"),
        };
        let drawn = Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&terminal(&command));
        let path = folder().join(name).with_extension("svg");
        if std::env::var_os("FSCHED_BLESS").is_some() {
            std::fs::write(&path, drawn).unwrap();
        } else if std::fs::read_to_string(&path).ok().is_none_or(|old| old != drawn) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "{stale:?}: not what the terminal shows; FSCHED_BLESS=1 draws them anew");
}

#[test]
fn every_program_has_its_picture() {
    let pictures = pictures();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "fsched") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(pictures.contains(&name), "docs/authoring.md does not show {name}");
        }
    }
}
