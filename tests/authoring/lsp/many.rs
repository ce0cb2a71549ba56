//! Folders with more files than anybody looks through.

use super::client::{Client, position, range, uri_of};
use super::imports::client_in;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LIB: &str = "let share = 30%\n";
const USES: &str = "use \"lib.fsched\"\nforget head share\n";

fn folder(files: impl IntoIterator<Item = (String, String)>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    files.into_iter().for_each(|(name, text)| std::fs::write(real.join(name), text).unwrap());
    (folder, real)
}

/// What the library's name gets as another one, by file.
fn renamed(client: &mut Client, lib: &Path) -> Result<Value, String> {
    let at = json!({ "position": position(0, 5), "newName": "part" });
    let answer = client.about("textDocument/rename", &uri_of(lib), at);
    answer.map(|edit| edit["changes"].clone()).map_err(|e| e.message)
}

fn opened(root: &Path) -> (Client, PathBuf) {
    let lib = root.join("lib.fsched");
    std::fs::write(&lib, LIB).unwrap();
    let mut client = client_in(root);
    client.open(&uri_of(&lib), LIB);
    (client, lib)
}

#[test]
fn importers_are_found_among_many_programs() {
    // None of these imports the file, though they have the word for it, or a part of it.
    let others = (0..700).map(|i| {
        let text = ["let used = 1\n", "# because of \"lib.fsched\"\n", "use \"p0.fsched\"\n"][i % 3];
        (format!("p{i}.fsched"), text.to_string())
    });
    let importers = ["a_main", "p", "zz"].map(|name| (format!("{name}.fsched"), USES.to_string()));
    let (_folder, root) = folder(others.chain(importers));
    let (mut client, lib) = opened(&root);
    let changes = renamed(&mut client, &lib).unwrap();
    let files: BTreeSet<&str> = changes.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = ["lib", "a_main", "p", "zz"].map(|name| uri_of(&root.join(format!("{name}.fsched"))));
    assert_eq!(files, wanted.iter().map(String::as_str).collect());
    assert_eq!(changes[&wanted[1]][0]["range"], range((1, 12), (1, 17)));
}

#[test]
fn a_rename_from_an_importer_reaches_the_other_importers() {
    let importers = ["a", "b"].map(|name| (format!("{name}.fsched"), USES.to_string()));
    let lib = ("lib.fsched".to_string(), LIB.to_string());
    let (_folder, root) = folder(importers.into_iter().chain([lib]));
    let mut client = client_in(&root);
    let a = uri_of(&root.join("a.fsched"));
    client.open(&a, USES);
    let at = json!({ "position": position(1, 13), "newName": "part" });
    let changes = client.about("textDocument/rename", &a, at).unwrap()["changes"].clone();
    let files: BTreeSet<&str> = changes.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = ["a", "b", "lib"].map(|name| uri_of(&root.join(format!("{name}.fsched"))));
    assert_eq!(files, wanted.iter().map(String::as_str).collect());
    let at = json!({ "position": position(1, 13), "context": { "includeDeclaration": true } });
    assert_eq!(client.about("textDocument/references", &a, at).unwrap().as_array().unwrap().len(), 3);
}

#[test]
fn a_rename_that_would_miss_an_importer_is_refused() {
    let importers = (0..1_001).map(|i| (format!("p{i}.fsched"), USES.to_string()));
    let (_folder, root) = folder(importers);
    let (mut client, lib) = opened(&root);
    let why = "not every program that imports this file would get the new name: more than 1000 programs import it";
    assert_eq!(renamed(&mut client, &lib), Err(why.to_string()));
    std::fs::remove_file(root.join("p7.fsched")).unwrap();
    assert_eq!(renamed(&mut client, &lib).unwrap().as_object().unwrap().len(), 1_001);
}

#[test]
fn files_are_offered_that_lie_among_many_others() {
    let pictures = (0..1_500).map(|i| (format!("{i}.png"), String::new()));
    let programs = (0..1_010).map(|i| (format!("b{i:04}.fsched"), String::new()));
    let (_folder, root) = folder(pictures.chain(programs));
    std::fs::create_dir(root.join("zz")).unwrap();
    #[cfg(unix)]
    for (link, to) in [("a_link.fsched", "b0000.fsched"), ("zz_link", "zz")] {
        std::os::unix::fs::symlink(root.join(to), root.join(link)).unwrap();
    }
    let uri = uri_of(&root.join("open.fsched"));
    let mut client = client_in(&root);
    client.open(&uri, "use \"");
    let answer = client.about("textDocument/completion", &uri, json!({ "position": position(0, 5) })).unwrap();
    let labels: Vec<&str> = answer.as_array().unwrap().iter().map(|i| i["label"].as_str().unwrap()).collect();
    let (files, folders) = labels.split_at(1_000);
    assert!(files.is_sorted() && files.contains(&"b0998.fsched") && !files.contains(&"b1000.fsched"), "{files:?}");
    assert_eq!(files.contains(&"a_link.fsched"), cfg!(unix));
    assert_eq!(folders, if cfg!(unix) { &["zz/", "zz_link/"][..] } else { &["zz/"] });
}
