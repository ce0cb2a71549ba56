//! Programs that import others, which may be open too, closed, or never saved.

use super::client::{Client, uri_of};
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
