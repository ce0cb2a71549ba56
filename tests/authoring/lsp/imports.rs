//! Programs that import others, which may be open too, closed, or never saved.

use super::client::{Client, capabilities, position, range, uri_of};
use serde_json::{Value, json};
use std::path::Path;

const ROOT: &str =
    "use \"common.fsched\"\ndata digits\nmodel mlp(hidden: [16])\noptimizer sgd(lr: 0.1)\ntrain epochs_of_mine\n";

fn codes(said: &[Value]) -> Vec<&str> {
    said.iter().filter(|d| d["severity"] == 1).map(|d| d["code"].as_str().unwrap()).collect()
}

fn folder(common: &str) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    std::fs::write(real.join("root.fsched"), ROOT).unwrap();
    std::fs::write(real.join("common.fsched"), common).unwrap();
    let uri = |name: &str| uri_of(&real.join(name));
    let uris = (uri("root.fsched"), uri("common.fsched"));
    (folder, uris.0, uris.1)
}

#[test]
fn an_open_text_hides_its_file_and_changes_what_its_importers_say() {
    let (_folder, root, common) = folder("let something = 1\n");
    let mut client = Client::ready(&["utf-8"]);
    assert_eq!(codes(&client.said_of(&root, ROOT)), ["FS0101"]);
    client.open(&common, "let epochs_of_mine = 3 epochs\n");
    client.until_errors(&root, &[]);
    client.change(&common, 2, json!([{ "text": "let epochs_of_min = 3 epochs\n" }]));
    client.diagnostics(&common, 2);
    client.until_errors(&root, &["FS0101"]);
    client.change(&common, 3, json!([{ "text": "let epochs_of_mine = 3 epochs\n" }]));
    client.diagnostics(&common, 3);
    client.until_errors(&root, &[]);
    client.close(&common);
    // The file on the disk is what counts again.
    client.until_errors(&root, &["FS0101"]);
}

#[test]
fn mistakes_in_an_imported_file_are_shown_there_and_go_when_they_are_mended() {
    let (folder, root, common) = folder("let epochs_of_mine = 3 epoks\n");
    let mut client = Client::ready(&["utf-8"]);
    client.said_of(&root, ROOT);
    client.until_errors(&common, &["FS0202"]);
    std::fs::write(folder.path().join("common.fsched"), "let epochs_of_mine = 3 epochs\n").unwrap();
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": common, "type": 2 }] }));
    client.until_errors(&common, &[]);
    client.until_errors(&root, &[]);
}

#[test]
fn what_is_said_of_an_imported_file_goes_when_its_importer_is_closed() {
    let (_folder, root, common) = folder("let epochs_of_mine = 3 epoks\n");
    let mut client = Client::ready(&["utf-8"]);
    client.said_of(&root, ROOT);
    client.until_errors(&common, &["FS0202"]);
    client.close(&root);
    client.until_errors(&common, &[]);
    client.until_errors(&root, &[]);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_refused_in_an_open_text_too() {
    let (folder, root, common) = folder("");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.fsched"), "let epochs_of_mine = 3 epochs\n").unwrap();
    std::fs::remove_file(folder.path().join("common.fsched")).unwrap();
    let link = folder.path().join("common.fsched");
    std::os::unix::fs::symlink(outside.path().join("secret.fsched"), link).unwrap();
    let mut client = Client::ready(&["utf-8"]);
    client.open(&common, "let epochs_of_mine = 3 epochs\n");
    assert!(codes(&client.said_of(&root, ROOT)).contains(&"FS0404"));
}

#[test]
fn names_of_files_with_blanks_and_other_scripts_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("mein plan 漢字 100% #1.fsched");
    let uri = uri_of(&path);
    let mut client = Client::ready(&["utf-8"]);
    assert_eq!(codes(&client.said_of(&uri, "use \"other.fsched\"\n")), ["FS0401"]);
    let help = client.published[&uri].1[0]["message"].as_str().unwrap().to_string();
    assert!(help.contains(Path::new("other.fsched").to_str().unwrap()), "{help}");
}

#[test]
fn what_two_programs_say_of_an_imported_file_is_shown_once() {
    let (folder, root, common) = folder("let epochs_of_mine = 3 epoks\n");
    let other = uri_of(&folder.path().canonicalize().unwrap().join("other.fsched"));
    let mut client = Client::ready(&["utf-8"]);
    client.said_of(&root, ROOT);
    client.said_of(&other, ROOT);
    client.said_of(&common, "let epochs_of_mine = 3 epoks\n");
    client.until_errors(&common, &["FS0202"]);
    client.settle();
    assert_eq!(codes(&client.published[&common].1), ["FS0202"]);
}

/// A client that works in a folder.
pub fn client_in(folder: &Path) -> Client {
    let mut client = Client::here();
    let folders = json!([{ "uri": uri_of(folder), "name": "work" }]);
    client.initialize(json!({ "capabilities": capabilities(&["utf-8"]), "workspaceFolders": folders }));
    client
}

#[test]
fn renaming_finds_programs_that_are_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    std::fs::create_dir_all(real.join("lib")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(real.join(name), text).unwrap();
    let common = "let mine = 3 epochs\n";
    let uses = "data digits\nmodel mlp(hidden: [16])\ntrain mine\n";
    write("lib/common.fsched", common);
    write("lib/between.fsched", "use \"common.fsched\"\nphase f() { train mine }\n");
    write("beside.fsched", &format!("use \"lib/common.fsched\"\n{uses}"));
    write("through.fsched", &format!("use \"lib/between.fsched\"\n{uses}"));
    write("other.fsched", &format!("let mine = 1\nuse \"else.fsched\"\n{uses}"));
    write("else.fsched", "let n = 1\n");
    let uri = uri_of(&real.join("lib/common.fsched"));
    let mut client = client_in(&real);
    client.said_of(&uri, common);
    let at = json!({ "position": position(0, 5), "newName": "rounds" });
    let edit = client.about("textDocument/rename", &uri, at).unwrap();
    let changes = edit["changes"].as_object().unwrap();
    let places = |name: &str| -> Vec<Value> {
        let edits = changes.get(&uri_of(&real.join(name))).and_then(Value::as_array).cloned().unwrap_or_default();
        edits.iter().map(|e| e["range"].clone()).collect()
    };
    assert_eq!(places("lib/common.fsched"), [range((0, 4), (0, 8))]);
    assert_eq!(places("lib/between.fsched"), [range((1, 18), (1, 22))]);
    assert_eq!(places("beside.fsched"), [range((3, 6), (3, 10))]);
    assert_eq!(places("through.fsched"), [range((3, 6), (3, 10))]);
    assert_eq!(changes.len(), 4, "{changes:?}");
    let asked = json!({ "position": position(0, 5), "context": { "includeDeclaration": false } });
    assert_eq!(client.about("textDocument/references", &uri, asked).unwrap().as_array().unwrap().len(), 3);
    // A name that a closed importer has for something of its own is taken.
    let at = json!({ "position": position(0, 5), "newName": "f" });
    let refused = client.about("textDocument/rename", &uri, at).unwrap_err();
    assert!(refused.message.contains("there is a `f` already"), "{}", refused.message);
}

#[test]
fn files_and_folders_are_completed_within_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    for name in [
        "common.fsched",
        "b c.fsched",
        "notes.txt",
        ".hidden.fsched",
        "lib/deep.fsched",
        "net.safetensors",
        "costs.csv",
    ] {
        std::fs::create_dir_all(real.join(name).parent().unwrap()).unwrap();
        std::fs::write(real.join(name), "let a = 1\n").unwrap();
    }
    let uri = uri_of(&real.join("open.fsched"));
    std::fs::write(real.join("open.fsched"), "").unwrap();
    for (text, wanted, replaced) in [
        ("use \"", &["b c.fsched", "common.fsched", "lib/"][..], 0),
        ("use \"com", &["b c.fsched", "common.fsched", "lib/"], 3),
        ("use \"lib/", &["deep.fsched"], 0),
        ("use \"lib/de", &["deep.fsched"], 2),
        ("use \"../", &[], 0),
        ("use \"nowhere/", &[], 0),
        ("weights \"", &["net.safetensors", "lib/"], 0),
        ("evaluate clean, cost(matrix: \"", &["costs.csv", "lib/"], 0),
        ("data image_folder(\"", &["lib"], 0),
    ] {
        let mut client = client_in(&real);
        client.open(&uri, text);
        let column = text.len() as u32;
        let answer = client.about("textDocument/completion", &uri, json!({ "position": position(0, column) })).unwrap();
        let items = answer.as_array().unwrap();
        let labels: Vec<&str> = items.iter().map(|i| i["label"].as_str().unwrap()).collect();
        assert_eq!(labels, wanted, "{text}");
        for item in items {
            assert_eq!(item["textEdit"]["range"], range((0, column - replaced), (0, column)), "{text}");
            assert_eq!(item["textEdit"]["newText"], item["label"], "{text}");
        }
    }
    // A `/` asks for files, not for what follows a division.
    let mut client = client_in(&real);
    client.open(&uri, "let a = 1/");
    let asked = json!({ "position": position(0, 10), "context": { "triggerKind": 2, "triggerCharacter": "/" } });
    assert_eq!(client.about("textDocument/completion", &uri, asked).unwrap(), Value::Null);
}
